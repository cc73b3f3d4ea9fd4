import type { TabseedStats } from '../client/index.ts';
import { formatBytes } from './byte-format.ts';
import { pageElement } from './page-element.ts';
import { formatShare, offloadOf, SOURCES, type SourceBytes, sharesOf } from './source-bytes.ts';

/** The numbers and the proportion bar. */
export class Panel {
  readonly #offload = pageElement('offload', HTMLElement);
  readonly #offloadLabel = pageElement('offload-label', HTMLElement);
  readonly #proportion = pageElement('proportion', HTMLElement);
  readonly #parts = new Map(
    SOURCES.map((source) => [source, this.#proportion.querySelector<HTMLElement>(`[data-source="${source}"]`)]),
  );
  readonly #bytes = new Map(SOURCES.map((source) => [source, pageElement(`bytes-${source}`, HTMLElement)]));
  readonly #uploaded = pageElement('bytes-uploaded', HTMLElement);
  readonly #peers = pageElement('peers', HTMLElement);
  readonly #leader = pageElement('leader', HTMLElement);
  readonly #notice = pageElement('notice', HTMLElement);

  constructor() {
    const toggle = pageElement('panel-toggle', HTMLButtonElement);
    const body = pageElement('panel-body', HTMLElement);
    const open = (isOpen: boolean): void => {
      toggle.setAttribute('aria-expanded', String(isOpen));
      body.hidden = !isOpen;
    };
    toggle.addEventListener('click', () => open(toggle.getAttribute('aria-expanded') !== 'true'));
    // Where the panel lies below the editor it starts closed; beside it there is no toggle, and it is always open.
    const narrow = matchMedia('(max-width: 760px)');
    open(!narrow.matches);
    narrow.addEventListener('change', () => open(!narrow.matches));
  }

  show(stats: TabseedStats): void {
    this.#showBytes(stats.bytes);
    this.#uploaded.textContent = formatBytes(stats.bytes.uploaded);
    this.#peers.textContent = String(stats.peers);
    this.#leader.textContent = stats.leader ? 'this tab' : 'another tab';
  }

  /** One sentence that a visitor should know; `undefined` takes it away. */
  notice(text: string | undefined): void {
    this.#notice.hidden = text === undefined;
    this.#notice.textContent = text ?? '';
  }

  #showBytes(bytes: SourceBytes): void {
    const shares = sharesOf(bytes);
    for (const source of SOURCES) {
      const part = this.#parts.get(source);
      part?.style.setProperty('flex-grow', String(shares[source]));
      // Or its gap would remain.
      part?.toggleAttribute('hidden', bytes[source] === 0);
      const value = this.#bytes.get(source);
      if (value) value.textContent = formatBytes(bytes[source]);
    }
    const described = SOURCES.map((source) => `${formatShare(shares[source])} ${source}`).join(', ');
    this.#proportion.setAttribute('aria-label', `Sources: ${described}`);
    const offload = offloadOf(bytes);
    this.#offload.textContent = offload === undefined ? '–' : formatShare(offload);
    this.#offloadLabel.textContent =
      offload !== undefined
        ? 'came from peers'
        : bytes.store > 0
          ? 'nothing moved: all of it was in the store'
          : 'nothing moved yet';
  }
}
