import { formatBytes } from './byte-format.ts';
import { type LoadedFile, loadedFile, type ResponseTiming } from './loaded-file.ts';

/** Largest first, as many as anybody reads. */
const MAX_ROWS = 40;

const MEANING: Readonly<Record<LoadedFile['source'], string>> = {
  store: "this browser's store",
  origin: 'the web server',
  peers: 'other browsers or a seed',
  mixed: 'several of these',
  cache: "the browser's HTTP cache",
};

export interface LoadedTotal {
  readonly count: number;
  /** After decoding. */
  readonly bytes: number;
}

/** Keeps the table of what this page loaded and where it came from. */
export class LoadedFiles {
  readonly #rows: HTMLElement;
  readonly #scope: string;
  readonly #onTotal: (total: LoadedTotal) => void;
  readonly #files: LoadedFile[] = [];

  constructor(rows: HTMLElement, scope: string, onTotal: (total: LoadedTotal) => void) {
    this.#rows = rows;
    this.#scope = scope;
    this.#onTotal = onTotal;
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (entry instanceof PerformanceResourceTiming) this.add(entry);
    });
    // Buffered: the page's own files were loaded before this script ran.
    observer.observe({ type: 'navigation', buffered: true });
    observer.observe({ type: 'resource', buffered: true });
  }

  /** Takes what a timeline says; ignores what is no file of the app. */
  add(timing: ResponseTiming): void {
    const file = loadedFile(timing, this.#scope);
    if (!file) return;
    this.#files.push(file);
    this.#files.sort((one, other) => other.bytes - one.bytes);
    this.#rows.replaceChildren(...this.#files.slice(0, MAX_ROWS).map(row));
    this.#onTotal({ count: this.#files.length, bytes: this.#files.reduce((sum, { bytes }) => sum + bytes, 0) });
  }
}

function row(file: LoadedFile): HTMLElement {
  const element = document.createElement('tr');
  const name = document.createElement('th');
  name.scope = 'row';
  name.textContent = file.name.slice(file.name.lastIndexOf('/') + 1) || file.name;
  name.title = file.name;
  const source = document.createElement('td');
  source.dataset.source = file.source;
  source.textContent = file.source;
  source.title = MEANING[file.source];
  const size = document.createElement('td');
  size.textContent = formatBytes(file.bytes);
  element.append(name, source, size);
  return element;
}
