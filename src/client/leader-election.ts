/** The part of `navigator.locks` that an election uses. */
export type Locks = Pick<LockManager, 'request'>;

export interface ElectionHandlers {
  onElected(): void;
  /** Left, or lost to a tab that took over: stop what only a leader does. */
  onLost(): void;
  /** No locks in this context: this tab never leads. */
  onFailed(cause: unknown): void;
}

interface Candidacy {
  readonly withdraw: AbortController;
  /** Lets the lock go; there while this tab holds it. */
  release?: () => void;
}

/**
 * One leader among the tabs of a browser: the holder of an exclusive Web Lock (W3C Web Locks API). The browser itself
 * passes the lock on when a tab ends, however it ends.
 */
export class LeaderElection {
  readonly #locks: Locks;
  readonly #name: string;
  readonly #handlers: ElectionHandlers;
  #candidacy: Candidacy | undefined;

  constructor(locks: Locks, name: string, handlers: ElectionHandlers) {
    this.#locks = locks;
    this.#name = name;
    this.#handlers = handlers;
  }

  get leading(): boolean {
    return this.#candidacy?.release !== undefined;
  }

  /** Queues for the lock, unless it already does or has it. */
  join(): void {
    if (!this.#candidacy) this.#stand(false);
  }

  /** Takes the lock from a leader that does not answer; that one queues again. */
  takeOver(): void {
    if (this.leading) return;
    this.#candidacy?.withdraw.abort();
    this.#stand(true);
  }

  /** Lets go at once: the page may be frozen right after. */
  leave(): void {
    const candidacy = this.#candidacy;
    this.#candidacy = undefined;
    if (candidacy?.release) {
      candidacy.release();
      this.#handlers.onLost();
    } else {
      candidacy?.withdraw.abort();
    }
  }

  #stand(steal: boolean): void {
    const candidacy: Candidacy = { withdraw: new AbortController() };
    this.#candidacy = candidacy;
    // The specification forbids `steal` together with `signal`; a theft is granted at once, so it needs none.
    const options: LockOptions = steal ? { steal } : { signal: candidacy.withdraw.signal };
    this.#locks
      .request(this.#name, options, () => this.#hold(candidacy))
      .catch((cause: unknown) => {
        if (this.#candidacy === candidacy) this.#ended(candidacy, cause);
      });
  }

  /** The lock is held until the returned promise settles. */
  #hold(candidacy: Candidacy): Promise<void> | undefined {
    if (this.#candidacy !== candidacy) return undefined; // Left between the grant and this call.
    return new Promise((release) => {
      candidacy.release = release;
      this.#handlers.onElected();
    });
  }

  #ended(candidacy: Candidacy, cause: unknown): void {
    this.#candidacy = undefined;
    if (!candidacy.release) {
      this.#handlers.onFailed(cause);
      return;
    }
    this.#handlers.onLost();
    this.join();
  }
}
