/**
 * Longest that a page waits for peers with something urgent before the origin is asked: so much later than plain HTTP it
 * may be, and a neighbour on the same network needs a few milliseconds. `bench/foreground` allows 20, of which a busy
 * machine takes up to 8 for the way through the worker.
 */
export const PROMPT_MS = 12;

/**
 * Whether a peer is quick enough for what a page waits for. A newcomer is taken for quick; one that let an urgent request
 * pass is not asked again for a while, whatever the reason was. Pure: time comes in.
 */
export class Promptness {
  /** The request by which it is judged: only one that did not stand behind others says anything. */
  #trial: { readonly request: number; readonly askedMs: number } | undefined;
  #lapsedUntilMs = Number.NEGATIVE_INFINITY;

  /** @param openBytes encoded bytes that were asked for before and have not come. */
  isPrompt(openBytes: number, bytesPerMs: number, nowMs: number): boolean {
    return nowMs >= this.#lapsedUntilMs && openBytes <= Math.max(MODEST_BYTES, bytesPerMs * PROMPT_MS);
  }

  onRequest(request: number, isOnly: boolean, nowMs: number): void {
    if (isOnly) this.#trial = { request, askedMs: nowMs };
  }

  /** A chunk has come whole. */
  onChunk(request: number, nowMs: number): void {
    if (this.#trial?.request !== request) return;
    const isLate = nowMs - this.#trial.askedMs > PROMPT_MS;
    this.#lapsedUntilMs = isLate ? nowMs + LAPSE_MS : nowMs;
    this.#trial = undefined;
  }

  /** Nobody waits for it any more. */
  onCancel(request: number, nowMs: number): void {
    if (this.#trial?.request !== request) return;
    if (nowMs - this.#trial.askedMs >= PROMPT_MS) this.#lapsedUntilMs = nowMs + LAPSE_MS;
    this.#trial = undefined;
  }
}

/** What a neighbour sends within PROMPT_MS at 22 MB/s: the small files of a page, asked for together. */
const MODEST_BYTES = 256 * 1024;
/** What a trial costs is at most PROMPT_MS in so long a time. */
const LAPSE_MS = 60_000;
