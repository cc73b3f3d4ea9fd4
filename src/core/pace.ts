/**
 * Whether a peer answers its requests fast enough to keep them. Two rules: something must move within SILENCE_MS, else it
 * is left; and each request has a time at which it is due, else it is moved elsewhere. The second is for who drips just
 * enough for the first, and for who is honest but slow: it may be capped. Pure: time comes in.
 */
export class Pace {
  /** Open requests in the order in which they are answered: when each should have come, and when at the latest. */
  readonly #due = new Map<number, { readonly dueMs: number; readonly latestMs: number }>();
  #movedMs = 0;
  #bytes = 0;
  #forgivenMs = 0;

  /**
   * @param openBytes All that is open at this peer, this request included.
   * @param bytesPerMs The peer's measured rate, 0 when there is none.
   */
  onRequest(request: number, openBytes: number, bytesPerMs: number, nowMs: number): void {
    if (this.#due.size === 0) this.#move(nowMs);
    const slowest = Math.max(SLOWEST_BYTES_PER_MS, bytesPerMs / SLOWER_THAN_MEASURED);
    const dueMs = nowMs + PATIENCE_MS + openBytes / slowest;
    this.#due.set(request, { dueMs, latestMs: Math.max(dueMs, nowMs + LONGEST_MS) });
  }

  onBytes(bytes: number, nowMs: number): void {
    this.#bytes += bytes;
    if (this.#bytes >= PROGRESS_BYTES) this.#move(nowMs);
  }

  /** Answered, refused or cancelled. */
  onEnd(request: number, nowMs: number): void {
    if (this.#due.delete(request)) this.#move(nowMs);
  }

  /**
   * We were late by so much ourselves: what came meanwhile waits to be read. That time is not the peer's, up to
   * MOST_FORGIVEN_MS in one silence: timers of a hidden tab are a second late for ever.
   */
  onOwnDelay(lateMs: number): void {
    const forgivenMs = Math.min(lateMs, MOST_FORGIVEN_MS - this.#forgivenMs);
    this.#forgivenMs += forgivenMs;
    this.#movedMs += forgivenMs;
    for (const [request, { dueMs, latestMs }] of this.#due) {
      this.#due.set(request, { dueMs: dueMs + forgivenMs, latestMs: latestMs + forgivenMs });
    }
  }

  /** Next to nothing has moved although something is open. */
  isSilent(nowMs: number): boolean {
    return this.silentMs(nowMs) > SILENCE_MS;
  }

  /** How long nothing to speak of has moved; 0 when nothing is open. */
  silentMs(nowMs: number): number {
    return this.#due.size === 0 ? 0 : nowMs - this.#movedMs;
  }

  /** It should have been answered by now. */
  isLate(request: number, nowMs: number): boolean {
    return nowMs > (this.#due.get(request)?.dueMs ?? Number.POSITIVE_INFINITY);
  }

  /** Nobody waits for it any longer. */
  isOverdue(request: number, nowMs: number): boolean {
    return nowMs > (this.#due.get(request)?.latestMs ?? Number.POSITIVE_INFINITY);
  }

  #move(nowMs: number): void {
    this.#movedMs = nowMs;
    this.#bytes = 0;
    this.#forgivenMs = 0;
  }
}

/** Ten times a long round trip. */
const SILENCE_MS = 3000;
/** A silent peer is left after ten seconds, however busy this machine is. */
const MOST_FORGIVEN_MS = 7000;
/** Less in SILENCE_MS is no progress (4 KiB/s), unless it was all that was open: dripping holds chunks like silence. */
const PROGRESS_BYTES = 12 * 1024;
/**
 * Every request has that long beside the time of its bytes. A peer that serves a dozen on a full machine answers after
 * three seconds often enough: of 3,072 requests 30 were moved with six, 160 with three, and much of what is moved comes
 * twice.
 */
const PATIENCE_MS = 6000;
/** Nobody is held to more than this (64 KiB/s): the first window of 1 MiB is due after 16 s and PATIENCE_MS. */
const SLOWEST_BYTES_PER_MS = 64 * 1.024;
/**
 * A window is half a second of the measured rate, so what is open is due after 16 s and PATIENCE_MS here too. Honest peers
 * do slow down: a seed that twenty newcomers find at once gives each a twentieth.
 */
const SLOWER_THAN_MEASURED = 32;
/** What no other peer has is waited for as long as a window takes: to ask again would be to queue again. */
const LONGEST_MS = PATIENCE_MS + 16_000;
