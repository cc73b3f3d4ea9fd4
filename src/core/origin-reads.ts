import type { ChunkId } from '../protocol/identifier.ts';
import type { PackedChunk } from '../protocol/manifest.ts';
import type { FileContent, Span } from './catalog.ts';
import type { OriginForm } from './demand.ts';
import { OriginError } from './errors.ts';
import { type OriginRead, readFile, readSpan } from './origin-read.ts';
import type { Log, Origin, StoredChunk } from './ports.ts';

export interface OriginReadsHost {
  /** Not verified. */
  onChunk(chunk: ChunkId, stored: StoredChunk): void;
  /** These did not come in this form. */
  onFailed(chunks: readonly ChunkId[], form: OriginForm): void;
  onEnd(): void;
}

/** The reads from the origin that are under way. */
export class OriginReads {
  readonly #origin: Origin;
  readonly #log: Log;
  readonly #host: OriginReadsHost;
  readonly #reads = new Map<OriginRead, { readonly form: OriginForm; readonly expected: Set<ChunkId> }>();
  #compresses = true;

  constructor(ports: { origin: Origin; log: Log }, host: OriginReadsHost) {
    this.#origin = ports.origin;
    this.#log = ports.log;
    this.#host = host;
  }

  get active(): number {
    return this.#reads.size;
  }

  /** Whether the web server compresses plain files, as far as is known. */
  get compresses(): boolean {
    return this.#compresses;
  }

  /** What a read that is under way will bring it in. */
  formOf(chunk: ChunkId): OriginForm | undefined {
    return [...this.#reads.values()].find(({ expected }) => expected.has(chunk))?.form;
  }

  readSpan(span: Span): void {
    const chunks = span.pack.chunks.slice(span.first, span.first + span.count);
    this.#start('pack', chunks, (onChunk) => readSpan(this.#origin, span, onChunk));
  }

  /** @param mustBeCompressed the plain form is worth it only then. */
  readFile(content: FileContent, mustBeCompressed: boolean): void {
    this.#start('file', content.chunks, (onChunk) => readFile(this.#origin, content, mustBeCompressed, onChunk));
  }

  /** Stops every read of which nothing is needed any more. */
  cancelUnneeded(needed: (chunk: ChunkId) => boolean): void {
    for (const [read, { expected }] of this.#reads) {
      // With nothing left to come it only waits for the end of the body.
      if (expected.size > 0 && ![...expected].some(needed)) this.#cancel(read);
    }
  }

  close(): void {
    for (const read of this.#reads.keys()) this.#cancel(read);
  }

  /** Gone at once: how it ends is no failure of the origin. */
  #cancel(read: OriginRead): void {
    this.#reads.delete(read);
    read.cancel();
  }

  #start(
    form: OriginForm,
    chunks: readonly PackedChunk[],
    begin: (onChunk: (chunk: PackedChunk, stored: StoredChunk) => void) => OriginRead,
  ): void {
    const expected = new Set(chunks.map((chunk) => chunk.id));
    const read = begin((chunk, stored) => {
      // A plain file may have it more than once.
      if (expected.delete(chunk.id)) this.#host.onChunk(chunk.id, stored);
    });
    this.#reads.set(read, { form, expected });
    void this.#follow(read, form, expected);
  }

  async #follow(read: OriginRead, form: OriginForm, expected: Set<ChunkId>): Promise<void> {
    try {
      await read.done;
    } catch (error) {
      if (!(error instanceof OriginError)) throw error;
      if (error.code === 'origin-uncompressed') this.#compresses = false;
      if (!this.#reads.has(read)) return;
      this.#log.debug('origin-read-failed', { code: error.code, status: error.status, message: error.message });
    }
    this.#reads.delete(read);
    if (expected.size > 0) this.#host.onFailed([...expected], form);
    this.#host.onEnd();
  }
}
