import type { Tabseed } from '../client/index.ts';
import { pageElement } from './page-element.ts';

/** What the visitor may decide about peers: none of them for now, or nothing given to them from now on. */
export class PeerControls {
  readonly #tabseed: Tabseed;
  readonly #pause = pageElement('pause', HTMLButtonElement);
  readonly #noUploads = pageElement('no-uploads', HTMLInputElement);
  #isPaused = false;

  constructor(tabseed: Tabseed) {
    this.#tabseed = tabseed;
    this.#pause.addEventListener('click', () => this.#toggle());
    // An answer of the user's: kept for the next visits, and the same in all tabs.
    this.#noUploads.addEventListener('change', () => tabseed.consent(this.#noUploads.checked ? 'downloads' : 'all'));
    tabseed.on('consent', () => this.#showConsent());
    this.#showConsent();
    pageElement('controls', HTMLFieldSetElement).hidden = false;
  }

  #toggle(): void {
    this.#isPaused = !this.#isPaused;
    if (this.#isPaused) this.#tabseed.pause();
    else this.#tabseed.resume();
    this.#pause.textContent = this.#isPaused ? 'Resume peers' : 'Pause peers';
  }

  #showConsent(): void {
    const { consent } = this.#tabseed.stats();
    this.#noUploads.checked = consent === 'downloads' || consent === 'none';
  }
}
