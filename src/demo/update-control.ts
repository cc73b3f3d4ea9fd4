import type { Tabseed, TabseedRelease } from '../client/index.ts';
import { pageElement } from './page-element.ts';
import { formatShare } from './source-bytes.ts';

/** Names this page's release, looks for a newer one, and reloads into it when the visitor says so. */
export class UpdateControl {
  readonly #tabseed: Tabseed;
  readonly #name = pageElement('release', HTMLElement);
  readonly #button = pageElement('update', HTMLButtonElement);
  readonly #note = pageElement('update-note', HTMLElement);
  /** What this page was loaded with; `stats().release` is what the next page gets. */
  #own: TabseedRelease | undefined;

  constructor(tabseed: Tabseed) {
    this.#tabseed = tabseed;
    this.#button.addEventListener('click', () => void this.#act());
    tabseed.on('stats', () => this.#show());
    this.#show();
  }

  async #act(): Promise<void> {
    this.#button.disabled = true;
    try {
      if (this.#isReady()) await this.#reload();
      else await this.#check();
    } catch (error) {
      this.#note.textContent = error instanceof Error ? error.message : 'unknown error';
    } finally {
      this.#button.disabled = false;
      this.#show();
    }
  }

  async #check(): Promise<void> {
    this.#note.textContent = 'Asking …';
    await this.#tabseed.checkForUpdate();
    this.#note.textContent = this.#next() ? '' : 'This is the newest.';
  }

  async #reload(): Promise<void> {
    await this.#tabseed.applyUpdate();
    location.reload();
  }

  #show(): void {
    const { release, update } = this.#tabseed.stats();
    this.#own ??= release ?? undefined;
    this.#name.textContent = this.#own ? `Release ${nameOf(this.#own)}` : '';
    const next = this.#next();
    this.#button.hidden = this.#own === undefined;
    this.#button.textContent = next && this.#isReady() ? `Update to ${nameOf(next)}` : 'Check for an update';
    this.#button.classList.toggle('ready', this.#isReady());
    if (!next) return;
    if (this.#isReady()) this.#note.textContent = '';
    else if (update?.failure) this.#note.textContent = `${nameOf(next)} did not arrive: ${update.failure}`;
    else if (update) this.#note.textContent = `${nameOf(next)}: ${formatShare(update.doneBytes / update.totalBytes)}`;
  }

  /** What the next page may get that this one does not have. */
  #next(): TabseedRelease | undefined {
    const { release, update } = this.#tabseed.stats();
    if (update) return update;
    return release && this.#own && release.sequence > this.#own.sequence ? release : undefined;
  }

  #isReady(): boolean {
    const next = this.#next();
    return next !== undefined && (this.#tabseed.stats().update?.staged ?? true);
  }
}

function nameOf({ version, sequence }: TabseedRelease): string {
  return version === '' ? String(sequence) : version;
}
