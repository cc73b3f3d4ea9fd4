import {
  decodeDeltaHead,
  decodeDeltaIndex,
  MAX_DELTA_HEAD_BYTES,
  newNames,
  type Patch,
  plainBytesOf,
} from '../protocol/delta.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { ChunkId, Sha256 } from '../protocol/identifier.ts';
import { deltaSource } from '../protocol/layout.ts';
import { decodeLzma } from '../protocol/lzma-decoder.ts';
import { chunksOfFile, type Manifest, type PackedChunk } from '../protocol/manifest.ts';
import type { Digest } from './ports.ts';

/** What applying a delta needs from its surroundings. */
export interface DeltaPorts {
  readonly digest: Digest;
  /** Chunks of the delta itself, plain and verified, from peers or the origin; `undefined` for what nobody gives. */
  fetch(chunks: readonly PackedChunk[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** Chunks of the earlier release, plain and verified, out of the store; `undefined` for what is not there. */
  read(chunks: readonly PackedChunk[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** Called between two steps of at most a millisecond or so, for whoever else uses the thread. */
  pause(): Promise<void>;
}

/** A release and the hash of its manifest. */
export interface NamedManifest {
  readonly hash: Sha256;
  readonly manifest: Manifest;
}

export interface MadeChunk {
  readonly id: ChunkId;
  /** Hashed: it is the chunk of that name. */
  readonly plain: Uint8Array;
}

/**
 * Makes chunks of `next` out of what is held of an earlier release and the delta between the two, one patch at a time. It
 * yields what it could make of `wanted`; whoever calls fetches the rest as chunks. So there is nothing to report when there
 * is no delta, a chunk of the earlier release is lost, or a patch makes something else than its chunks.
 */
export async function* chunksByDelta(
  ports: DeltaPorts,
  held: NamedManifest,
  next: Manifest,
  wanted: ReadonlySet<ChunkId>,
): AsyncGenerator<MadeChunk> {
  const file = next.files.find(({ path }) => deltaSource(path) === held.hash);
  if (file === undefined) return;
  const delta = new DeltaFile(chunksOfFile(next, file), (chunks) => ports.fetch(chunks));
  let patches: readonly Patch[];
  try {
    patches = await readIndex(delta, held.manifest, next);
  } catch (error) {
    if (error instanceof ProtocolError) return;
    throw error;
  }
  const names = newNames(held.manifest, next);
  const useful = patches.filter(({ target }) => target.some(({ id }) => wanted.has(id)));
  delta.expect(useful);
  for (const patch of useful) {
    const source = await ports.read(patch.source);
    // Before the patch is fetched: it may be of no use here.
    if (!isWhole(source)) continue;
    const bytes = await delta.read(patch.offset, patch.bytes);
    if (bytes === undefined) continue;
    const plain = await applyPatch(patch, [...source, names], bytes, () => ports.pause());
    if (plain === undefined) continue;
    yield* verified(ports.digest, patch.target, plain, wanted);
  }
}

/** The manifest that a patch makes of an earlier one; `undefined` when it makes none of this length. Not verified. */
export async function patchedManifest(
  held: Uint8Array,
  patch: Uint8Array,
  manifestBytes: number,
  pause: () => Promise<void>,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  return await decode([held], patch, manifestBytes, pause);
}

function isWhole(pieces: readonly (Uint8Array | undefined)[]): pieces is readonly Uint8Array[] {
  return !pieces.includes(undefined);
}

async function readIndex(delta: DeltaFile, held: Manifest, next: Manifest): Promise<readonly Patch[]> {
  const head = await delta.read(0, Math.min(MAX_DELTA_HEAD_BYTES, delta.bytes));
  if (head === undefined) return [];
  const { start, end } = decodeDeltaHead(head);
  const index = end > delta.bytes ? undefined : await delta.read(start, end - start);
  return index === undefined ? [] : decodeDeltaIndex(index, { end, deltaBytes: delta.bytes }, held, next);
}

async function applyPatch(
  { target }: Patch,
  dictionary: readonly Uint8Array[],
  bytes: Uint8Array,
  pause: () => Promise<void>,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  return await decode(dictionary, bytes, plainBytesOf(target), pause);
}

async function decode(
  dictionary: readonly Uint8Array[],
  patch: Uint8Array,
  plainBytes: number,
  pause: () => Promise<void>,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const start = dictionary.reduce((sum, { length }) => sum + length, 0);
  const window = new Uint8Array(start + plainBytes);
  let offset = 0;
  for (const piece of dictionary) {
    window.set(piece, offset);
    offset += piece.length;
  }
  try {
    for (const _ of decodeLzma(patch, window, start)) await pause();
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
  return window.subarray(start);
}

async function* verified(
  digest: Digest,
  target: readonly PackedChunk[],
  plain: Uint8Array,
  wanted: ReadonlySet<ChunkId>,
): AsyncGenerator<MadeChunk> {
  let offset = 0;
  for (const { id, plainBytes } of target) {
    // A copy: the window would stay in memory for as long as the least of its chunks.
    const chunk = plain.slice(offset, offset + plainBytes);
    offset += plainBytes;
    if (wanted.has(id) && (await digest.sha256(chunk)) === id) yield { id, plain: chunk };
  }
}

/** Chunks of a delta that are asked for at once: a megabyte, enough to be worth a request. */
const CHUNKS_PER_FETCH = 16;

/** The bytes of a delta, read from front to back; only chunks that are read are fetched. */
class DeltaFile {
  readonly bytes: number;
  readonly #pieces: readonly DeltaPiece[];
  readonly #fetch: DeltaPorts['fetch'];
  readonly #known = new Map<ChunkId, Uint8Array | undefined>();
  #expected: readonly DeltaPiece[] = [];

  constructor(chunks: readonly PackedChunk[], fetch: DeltaPorts['fetch']) {
    let start = 0;
    this.#pieces = chunks.map((chunk) => {
      const piece = { chunk, start, end: start + chunk.plainBytes };
      start = piece.end;
      return piece;
    });
    this.#fetch = fetch;
    this.bytes = start;
  }

  /** These will be read: what is near to one that is fetched comes with it. */
  expect(patches: readonly Patch[]): void {
    const expected = new Set(patches.flatMap(({ offset, bytes }) => this.#piecesOf(offset, offset + bytes)));
    this.#expected = [...expected];
  }

  /** `undefined` when a chunk of it is not to be had. */
  async read(offset: number, length: number): Promise<Uint8Array | undefined> {
    const pieces = this.#piecesOf(offset, offset + length);
    for (const { chunk, end } of this.#pieces) if (end <= offset) this.#known.delete(chunk.id);
    if (pieces.some(({ chunk }) => !this.#known.has(chunk.id))) await this.#fetchFrom(offset, pieces);
    const bytes = new Uint8Array(length);
    for (const { chunk, start } of pieces) {
      const plain = this.#known.get(chunk.id);
      if (plain === undefined) return undefined;
      const from = Math.max(0, offset - start);
      bytes.set(plain.subarray(from, offset + length - start), start + from - offset);
    }
    return bytes;
  }

  async #fetchFrom(offset: number, pieces: readonly DeltaPiece[]): Promise<void> {
    const ahead = this.#expected.filter(({ end }) => end > offset).slice(0, CHUNKS_PER_FETCH);
    const missing = [...new Set([...pieces, ...ahead])].filter(({ chunk }) => !this.#known.has(chunk.id));
    const fetched = await this.#fetch(missing.map(({ chunk }) => chunk));
    for (const [index, { chunk }] of missing.entries()) this.#known.set(chunk.id, fetched[index]);
  }

  #piecesOf(from: number, to: number): DeltaPiece[] {
    return this.#pieces.filter(({ start, end }) => start < to && end > from);
  }
}

interface DeltaPiece {
  readonly chunk: PackedChunk;
  readonly start: number;
  readonly end: number;
}
