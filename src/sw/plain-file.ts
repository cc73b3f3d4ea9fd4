import { ByteCutter } from '../core/byte-cutter.ts';
import type { ByteSource } from '../core/ports.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import type { PackedChunk, ReleaseFile } from '../protocol/manifest.ts';
import type { ChunkRequest, ChunkSource } from './chunk-source.ts';
import type { OriginTools } from './pack-origin.ts';

/** How far it reads ahead to what is wanted, where there is another way: the size of one Range request. */
const NEAR_BYTES = 1024 * 1024;

/**
 * The plain file at its own URL, cut at the lengths of its chunks. Compressed by the web server it is the smallest
 * form of a file that is wholly missing. Read once, from the start, no further than what is wanted.
 */
export class PlainFile implements ChunkSource {
  readonly #file: ReleaseFile;
  readonly #chunks: readonly PackedChunk[];
  readonly #tools: OriginTools;
  #cutter: ByteCutter | undefined;
  #position = 0;
  /** Where it will stand when all that was asked for so far is read. */
  #planned = 0;
  #isBroken = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(file: ReleaseFile, chunks: readonly PackedChunk[], tools: OriginTools) {
    this.#file = file;
    this.#chunks = chunks;
    this.#tools = tools;
  }

  /** False when it would have to read through much that is not wanted. */
  isNear(chunks: readonly PackedChunk[]): boolean {
    if (this.#isBroken) return false;
    let unwantedBytes = 0;
    const wanted = new Set(chunks.map((chunk) => chunk.id));
    for (const chunk of this.#chunks.slice(this.#planned, this.#endOf(chunks, this.#planned))) {
      if (!wanted.has(chunk.id)) unwantedBytes += chunk.plainBytes;
    }
    return unwantedBytes <= NEAR_BYTES;
  }

  take(chunks: readonly PackedChunk[], request: ChunkRequest): Promise<readonly PackedChunk[]> {
    this.#planned = this.#endOf(chunks, this.#planned);
    // One reader at a time: the body is a single sequence.
    const turn = this.#turn.then(() => this.#read(chunks, request));
    this.#turn = turn;
    return turn;
  }

  async #read(chunks: readonly PackedChunk[], request: ChunkRequest): Promise<readonly PackedChunk[]> {
    const wanted = new Set(chunks.map((chunk) => chunk.id));
    const end = this.#endOf(chunks, this.#position);
    try {
      while (this.#position < end && !this.#isBroken && !request.signal.aborted) {
        const chunk = this.#chunks[this.#position] as PackedChunk;
        this.#position += 1;
        await this.#readChunk(chunk, wanted, request);
      }
    } catch {
      // Away, another version, or cancelled: the packs are asked for what is left.
      this.#isBroken = true;
    }
    if (this.#isBroken || this.#position === this.#chunks.length) this.#cutter?.cancel();
    return chunks.filter((chunk) => wanted.has(chunk.id));
  }

  async #readChunk(chunk: PackedChunk, wanted: Set<ChunkId>, request: ChunkRequest): Promise<void> {
    this.#cutter ??= this.#open(request.signal);
    const plain = await this.#cutter.take(chunk.plainBytes);
    const isGood = (await this.#tools.digest.sha256(plain)) === chunk.id;
    // The server's own compression is not visible here: what came counts at its plain length.
    this.#tools.count(isGood ? 'origin' : 'wasted', plain.length, plain.length);
    if (!isGood) {
      this.#isBroken = true;
      return;
    }
    this.#tools.keep(chunk.id, { encoding: 'identity', bytes: plain });
    if (wanted.delete(chunk.id)) request.deliver(chunk, plain, 'origin');
  }

  #open(signal: AbortSignal): ByteCutter {
    const source: ByteSource = this.#tools.origin.readFile(this.#file.path);
    signal.addEventListener('abort', () => source.cancel());
    return new ByteCutter(source);
  }

  /** The position after the last of these chunks that lie at or behind `from`; `from` itself, when none does. */
  #endOf(chunks: readonly PackedChunk[], from: number): number {
    const ahead = new Set(chunks.map((chunk) => chunk.id));
    let end = from;
    for (let position = from; position < this.#chunks.length && ahead.size > 0; position += 1) {
      if (ahead.delete((this.#chunks[position] as PackedChunk).id)) end = position + 1;
    }
    return end;
  }
}
