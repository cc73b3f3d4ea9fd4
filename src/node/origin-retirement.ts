import { GONE, judgeAbsence, NOT_FOUND, type OriginAnswers } from '../core/absence.ts';
import { OriginError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import { POINTER_PATH, WORKER_SCRIPT } from '../protocol/layout.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';
import { readWorkerScript } from './trust.ts';

/** Browsers read the script at each visit; it is 60 KB, and a seed has nothing else to read that often. */
const SCRIPT_CHECK_MS = 15 * 60 * 1000;

/**
 * Whether the origin, without a key, has taken the app away while a peer runs. A browser learns it from the worker script
 * that takes the place of its own; a peer has to look. What a signed pointer retires is among the news.
 */
export class OriginRetirement {
  readonly #base: string;
  readonly #published: WorkerConfig;
  readonly #fetch: typeof fetch;
  readonly #clock: Clock;
  #scriptReadMs: number;
  #absentSinceMs: number | null = null;

  constructor(options: { base: string; published: WorkerConfig; fetch: typeof fetch; clock: Clock }) {
    this.#base = options.base;
    this.#published = options.published;
    this.#fetch = options.fetch;
    this.#clock = options.clock;
    this.#scriptReadMs = options.clock.now();
  }

  /**
   * Asked after each check for news.
   *
   * @param failure what the check failed with; `undefined` when it did not.
   */
  async isRetired(failure: unknown): Promise<boolean> {
    const isMissing = failure instanceof OriginError && (failure.status === NOT_FOUND || failure.status === GONE);
    const verdict = isMissing ? judgeAbsence(await this.#answers(), this.#absentSinceMs, this.#clock.now()) : null;
    if (verdict === true) return true;
    this.#absentSinceMs = verdict;
    return this.#saysTheScript();
  }

  /** Asked for one by one and without redirects: the check may have failed at a manifest, or at a page that asks for a login. */
  async #answers(): Promise<OriginAnswers> {
    const fetch = this.#fetch;
    const answers = [POINTER_PATH, WORKER_SCRIPT, ''].map(async (path) => {
      const { status, ok, body } = await fetch(new URL(path, this.#base), { cache: 'no-store', redirect: 'manual' });
      await body?.cancel();
      return { status, ok };
    });
    return Promise.all(answers).catch(() => []);
  }

  async #saysTheScript(): Promise<boolean> {
    const now = this.#clock.now();
    if (now - this.#scriptReadMs < SCRIPT_CHECK_MS) return false;
    this.#scriptReadMs = now;
    try {
      const { config, isRetired } = await readWorkerScript(this.#base, this.#fetch);
      return isRetired && config.app === this.#published.app && config.channel === this.#published.channel;
    } catch (error) {
      // Another that is not there, or is none, says nothing.
      return error instanceof OriginError && error.status === GONE;
    }
  }
}
