import { OriginError } from '../../src/core/errors.ts';
import type { ByteSource, Clock, Origin } from '../../src/core/ports.ts';
import type { PackId } from '../../src/protocol/identifier.ts';
import type { ReleasePath } from '../../src/protocol/release-path.ts';

export type OriginRequest =
  | { readonly kind: 'pack'; readonly pack: PackId; readonly offset: number; readonly length: number }
  | { readonly kind: 'file'; readonly path: ReleasePath };

/** What happens to one request. `silence`: nothing ever comes; `cut`: the connection breaks after so many bytes. */
export type OriginScript = 'serve' | 'silence' | { readonly fail: OriginError } | { readonly cutAfterBytes: number };

interface OriginOptions {
  readonly clock: Clock;
  /** Until the first byte. */
  readonly latencyMs: number;
  /** Of one response. */
  readonly bytesPerSecond: number;
}

const PIECE_BYTES = 16 * 1024;

/** A web server in memory that follows a script. */
export class ScriptedOrigin implements Origin {
  readonly packs = new Map<PackId, Uint8Array>();
  readonly files = new Map<ReleasePath, Uint8Array>();
  readonly requests: OriginRequest[] = [];
  servedBytes = 0;
  /** As most web servers do with text. */
  compressesFiles = true;
  script: (request: OriginRequest) => OriginScript = () => 'serve';
  readonly #options: OriginOptions;

  constructor(options: OriginOptions) {
    this.#options = options;
  }

  readPack(pack: PackId, offset: number, length: number): ByteSource {
    const bytes = this.packs.get(pack);
    const inRange = bytes !== undefined && offset + length <= bytes.length;
    return this.#respond(
      { kind: 'pack', pack, offset, length },
      inRange ? bytes.subarray(offset, offset + length) : 404,
    );
  }

  readFile(path: ReleasePath, mustBeCompressed = false): ByteSource {
    const request: OriginRequest = { kind: 'file', path };
    const file = this.files.get(path);
    if (!mustBeCompressed || this.compressesFiles || file === undefined) return this.#respond(request, file ?? 404);
    return this.#respond(request, new OriginError('origin-uncompressed', 'no Content-Encoding'));
  }

  #respond(request: OriginRequest, answer: Uint8Array | 404 | OriginError): ByteSource {
    this.requests.push(request);
    const script = this.script(request);
    const missing = answer === 404 ? new OriginError('origin-status', 'not found', { status: 404 }) : undefined;
    const failure = answer instanceof OriginError ? answer : missing;
    return new ScriptedSource(
      this.#options,
      answer instanceof Uint8Array ? answer : new Uint8Array(),
      (bytes) => {
        this.servedBytes += bytes;
      },
      failure && script === 'serve' ? { fail: failure } : script,
    );
  }
}

class ScriptedSource implements ByteSource {
  readonly #options: OriginOptions;
  readonly #bytes: Uint8Array;
  readonly #count: (bytes: number) => void;
  readonly #script: OriginScript;
  #offset = 0;
  #isCancelled = false;
  #rejectNext: ((error: OriginError) => void) | undefined;

  constructor(options: OriginOptions, bytes: Uint8Array, count: (bytes: number) => void, script: OriginScript) {
    this.#options = options;
    this.#bytes = bytes;
    this.#count = count;
    this.#script = script;
  }

  next(): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#isCancelled) {
        reject(cancelled());
        return;
      }
      this.#rejectNext = reject;
      if (this.#script === 'silence') return;
      const piece = this.#bytes.subarray(this.#offset, this.#offset + PIECE_BYTES);
      const delayMs =
        (this.#offset === 0 ? this.#options.latencyMs : 0) + (piece.length / this.#options.bytesPerSecond) * 1000;
      this.#options.clock.after(delayMs, () => {
        if (this.#isCancelled) return;
        this.#rejectNext = undefined;
        const failure = this.#failure(piece.length);
        if (failure !== undefined) {
          reject(failure);
          return;
        }
        this.#offset += piece.length;
        this.#count(piece.length);
        resolve(piece.length === 0 ? undefined : piece.slice());
      });
    });
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#rejectNext?.(cancelled());
    this.#rejectNext = undefined;
  }

  #failure(pieceBytes: number): OriginError | undefined {
    if (typeof this.#script === 'string') return undefined;
    if ('fail' in this.#script) return this.#script.fail;
    return this.#offset + pieceBytes > this.#script.cutAfterBytes
      ? new OriginError('origin-unreachable', 'the connection broke')
      : undefined;
  }
}

function cancelled(): OriginError {
  return new OriginError('origin-unreachable', 'cancelled');
}
