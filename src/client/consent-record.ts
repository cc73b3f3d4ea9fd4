/** What a user allows: peers, peers that are given nothing, or no peers. */
export type ConsentAnswer = 'all' | 'downloads' | 'none';
const ANSWERS: readonly ConsentAnswer[] = ['all', 'downloads', 'none'];

/** `wanted`: the release asks for consent and there is no answer. `null`: nobody asks, and nothing was answered. */
export type ConsentState = ConsentAnswer | 'wanted' | null;

/**
 * The user's answer for the app at one scope, the same in all tabs, until the site's data is deleted. In `localStorage`:
 * it can be read before anything is contacted, and tells the other tabs of changes.
 */
export class ConsentRecord {
  readonly #key: string;
  readonly #onChange: () => void;
  #state: ConsentState;

  constructor(key: string, onChange: () => void) {
    this.#key = key;
    this.#onChange = onChange;
    this.#state = this.#stored() ?? null;
  }

  /** Hears of the other tabs from now on. */
  watch(): void {
    addEventListener('storage', ({ key }) => {
      // `null`: everything was deleted.
      if (key === this.#key || key === null) this.refresh();
    });
    this.refresh();
  }

  get state(): ConsentState {
    return this.#state;
  }

  answer(answer: ConsentAnswer): void {
    // From a page's own script, which TypeScript may not have seen.
    if (!ANSWERS.includes(answer)) throw new TypeError(`the answer is none of ${ANSWERS.join(', ')}`);
    this.#write(answer);
  }

  /** Whether the release that runs wants an answer that is not there. */
  setWanted(wanted: boolean): void {
    if (wanted ? this.#state === null : this.#state === 'wanted') this.#write(wanted ? 'wanted' : null);
  }

  /** Reads again: no events came while the page slept. */
  refresh(): void {
    const state = this.#stored();
    if (state !== undefined) this.#turn(state);
  }

  #write(state: ConsentState): void {
    try {
      if (state === null) localStorage.removeItem(this.#key);
      else localStorage.setItem(this.#key, state);
    } catch {
      // Blocked or full: the answer counts in this tab, for its life.
    }
    this.#turn(state);
  }

  /** `undefined` where there is no storage. */
  #stored(): ConsentState | undefined {
    try {
      const value = localStorage.getItem(this.#key);
      return value === 'wanted' || ANSWERS.includes(value as ConsentAnswer) ? (value as ConsentState) : null;
    } catch {
      return undefined;
    }
  }

  #turn(state: ConsentState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#onChange();
  }
}
