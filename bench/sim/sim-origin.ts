import { OriginError } from '../../src/core/errors.ts';
import type { ByteSource, Clock, Origin } from '../../src/core/ports.ts';
import { SendingLine } from './access-line.ts';
import type { Host } from './sim-network.ts';
import type { SimRelease } from './sim-release.ts';

const LATENCY_MS = 20;

/** The web server: one line for all its responses, in turn. */
export class SimOrigin {
  readonly #clock: Clock;
  readonly #release: SimRelease;
  readonly #line: SendingLine;
  readonly #responses = new Set<Response>();
  #isDown = false;

  constructor(clock: Clock, release: SimRelease, bytesPerMs: number) {
    this.#clock = clock;
    this.#release = release;
    this.#line = new SendingLine(clock, bytesPerMs);
  }

  get servedBytes(): number {
    return this.#line.sentBytes;
  }

  /** The server is gone, and does not come back. */
  end(): void {
    this.#isDown = true;
    for (const response of this.#responses) response.end();
    this.#responses.clear();
  }

  /** The origin as one peer sees it. */
  seenBy(host: Host): Origin {
    return {
      readPack: (pack, offset, length) => {
        const { chunkBytes } = this.#release;
        const first = this.#release.number(pack, offset / chunkBytes);
        return this.#respond(host, first, length / chunkBytes);
      },
      readFile: () => this.#respond(host, 0, this.#release.ids.length),
    };
  }

  #respond(host: Host, first: number, count: number): ByteSource {
    const response = new Response(this.#line, this.#release, host, first, count);
    // The request takes as long as the first byte back.
    this.#clock.after(LATENCY_MS + host.profile.latencyMs, () => {
      if (this.#isDown) response.end();
      else response.resume();
    });
    this.#responses.add(response);
    return response;
  }
}

/** On the way of one response behind a site's line: TCP slows down before that line, so responses share it. */
const CHUNKS_UNDER_WAY = 2;

/** Sends its chunks as the line allows, whether or not the reader is ready: a span is smaller than a socket's window. */
class Response implements ByteSource {
  readonly #line: SendingLine;
  readonly #release: SimRelease;
  readonly #host: Host;
  readonly #end: number;
  #next: number;
  #expected: number;
  #underWay = 0;
  /** It is not in the line's turns. */
  #isPaused = true;
  readonly #arrived: Uint8Array[] = [];
  #isCancelled = false;
  #isEnded = false;
  #waiting: { resolve: (piece: Uint8Array | undefined) => void; reject: (error: OriginError) => void } | undefined;

  constructor(line: SendingLine, release: SimRelease, host: Host, first: number, count: number) {
    this.#line = line;
    this.#release = release;
    this.#host = host;
    this.#next = first;
    this.#end = first + count;
    this.#expected = count;
  }

  nextBytes(): number | undefined {
    const isHeldBack = this.#host.profile.site !== undefined && this.#underWay >= CHUNKS_UNDER_WAY;
    return this.#isCancelled || this.#isEnded || this.#next === this.#end || isHeldBack
      ? undefined
      : this.#release.chunkBytes;
  }

  onSent(atMs: number): void {
    if (this.#isCancelled || this.#isEnded) return;
    this.#underWay += 1;
    const piece = this.#release.chunk(this.#next);
    this.#next += 1;
    const latencyMs = LATENCY_MS + this.#host.profile.latencyMs;
    this.#host.receiveFromOutside(piece.length, atMs, latencyMs, () => {
      this.#underWay -= 1;
      this.resume();
      this.#arrived.push(piece);
      this.#hand();
    });
    this.#isPaused = this.nextBytes() === undefined;
  }

  /** Takes its turns on the line again, if it may send. */
  resume(): void {
    if (!this.#isPaused || this.nextBytes() === undefined) return;
    this.#isPaused = false;
    this.#line.add(this);
  }

  next(): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#hand();
    });
  }

  /** What has been sent still arrives. */
  end(): void {
    this.#isEnded = true;
    this.#hand();
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#hand();
  }

  #hand(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    if (this.#isCancelled) waiting.reject(new OriginError('origin-unreachable', 'cancelled'));
    else if (this.#expected === 0) waiting.resolve(undefined);
    else {
      const piece = this.#arrived.shift();
      const isOver = this.#isEnded && this.#underWay === 0;
      if (piece === undefined && !isOver) return;
      this.#expected -= 1;
      if (piece === undefined) waiting.reject(new OriginError('origin-unreachable', 'ended'));
      else waiting.resolve(piece);
    }
    this.#waiting = undefined;
  }
}
