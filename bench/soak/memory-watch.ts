import { rounded } from '../benchmark.ts';
import type { BareBrowser } from '../stage/bare-browser.ts';
import { type HeapBytes, heapAfterCollection, workerHeaps } from '../stage/heap.ts';
import { heapByKind } from '../stage/heap-snapshot.ts';
import { chromiumMemory, residentBytes } from '../stage/process-usage.ts';
import type { Scene } from './scene.ts';
import { type Growth, Series } from './series.ts';

type Watched = Pick<Scene, 'residents' | 'residentBrowser' | 'passingBrowser' | 'seed' | 'signal'>;

/** The memory of everything that lives for the whole soak. */
export class MemoryWatch {
  readonly #watched: Watched;
  readonly #startMs = performance.now();
  readonly #series = new Map<string, Series>();
  readonly #firstRenderers = new Map<string, readonly number[]>();
  #settledHeap: ReadonlyMap<string, number> = new Map();

  constructor(watched: Watched) {
    this.#watched = watched;
  }

  async sample(): Promise<void> {
    const { residents, residentBrowser, passingBrowser, seed, signal } = this.#watched;
    this.#add('seed', residentBytes(seed.pid));
    this.#add('signal', residentBytes(signal.pid));
    const pages = residents.map(({ firstTab }) => heapAfterCollection((method) => firstTab.send(method)));
    this.#addHeaps('residentPages', await Promise.all(pages));
    this.#addHeaps('residentWorkers', await workerHeaps(residentBrowser));
    await this.#addProcesses('resident', residentBrowser);
    await this.#addProcesses('passing', passingBrowser);
  }

  /** From here on, what the heap of the first page that stays consists of is compared with this moment. */
  async settle(): Promise<void> {
    this.#settledHeap = await this.#firstHeap();
  }

  /** Kilobytes by kind that the first page's heap has grown by since it settled. */
  async heapGrowthKB(): Promise<Record<string, number>> {
    const now = await this.#firstHeap();
    const grown: Record<string, number> = {};
    for (const [kind, bytes] of now) grown[kind] = rounded((bytes - (this.#settledHeap.get(kind) ?? 0)) / 1000, 1);
    return grown;
  }

  get growth(): Record<string, Growth> {
    return Object.fromEntries([...this.#series].map(([name, series]) => [name, series.growth]));
  }

  async #firstHeap(): Promise<ReadonlyMap<string, number>> {
    const [first] = this.#watched.residents;
    return first === undefined ? new Map<string, number>() : await heapByKind(first.firstTab);
  }

  #addHeaps(name: string, heaps: readonly HeapBytes[]): void {
    const sum = (kind: keyof HeapBytes): number => heaps.reduce((total, heap) => total + heap[kind], 0);
    this.#add(`${name}Heap`, sum('used'));
    this.#add(`${name}Buffers`, sum('buffers'));
  }

  async #addProcesses(name: string, chromium: BareBrowser): Promise<void> {
    const { browser, renderers, others } = await chromiumMemory(chromium);
    this.#add(`${name}Browser`, browser);
    this.#add(`${name}Others`, others);
    const first = this.#firstRenderers.get(name) ?? [...renderers.keys()];
    this.#firstRenderers.set(name, first);
    // Tabs come and go: only processes that were there from the start can show growth.
    const staying = first.filter((pid) => renderers.has(pid));
    this.#add(`${name}Renderers`, mean(staying.map((pid) => renderers.get(pid) ?? 0)));
  }

  #add(name: string, bytes: number): void {
    const series = this.#series.get(name) ?? new Series();
    this.#series.set(name, series);
    series.add(performance.now() - this.#startMs, bytes);
  }
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
