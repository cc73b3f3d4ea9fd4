import { createHash, type Hash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import {
  chunksOfFile,
  type Manifest,
  type Pack,
  type PackedChunk,
  packBytes,
  type ReleaseFile,
} from '../protocol/manifest.ts';
import { decodeContent } from './content-decoding.ts';
import { errnoOf, PublishError } from './errors.ts';
import type { ContentEncoding } from './response-headers.ts';
import { readSource } from './source-reader.ts';
import { type DamageCode, DamageError } from './verify-errors.ts';

/** A file that is read at once. @throws DamageError */
export async function readSmallFile(out: string, path: string, maxBytes: number): Promise<Buffer> {
  const file = await openFile(out, path);
  try {
    const { size } = await file.stat();
    if (size > maxBytes) throw new DamageError('file-differs', path, `${size} bytes, more than it may have`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/**
 * Every chunk of a pack, and its name. Resolves with false when it is not in the folder: a release that follows one on
 * the host names packs that are there alone.
 *
 * @throws DamageError
 */
export async function verifyPack(out: string, path: string, pack: Pack): Promise<boolean> {
  if ((await stat(join(out, path)).catch(errnoOf)) === 'ENOENT') return false;
  const file = await openFile(out, path);
  try {
    const { size } = await file.stat();
    if (size !== packBytes(pack)) throw differs(path, `${size} bytes instead of ${packBytes(pack)}`);
    const hash = createHash('sha256');
    let offset = 0;
    for (const [index, chunk] of pack.chunks.entries()) {
      const { buffer } = await file.read(Buffer.alloc(chunk.encodedBytes), 0, chunk.encodedBytes, offset);
      offset += chunk.encodedBytes;
      hash.update(buffer);
      if (!isChunk(buffer, chunk)) {
        throw new DamageError(
          'chunk-wrong',
          path,
          `chunk ${index} is not what it should be: upload or publish it again`,
        );
      }
    }
    if (hash.digest('hex') !== pack.id) throw differs(path, 'not the pack of its name');
    return true;
  } finally {
    await file.close();
  }
}

/** How a file may be stored whose Content-Encoding the server states; the release has it decoded, and does not say. */
const STORED_ENCODINGS: readonly (ContentEncoding | undefined)[] = [undefined, 'gzip', 'br', 'deflate'];

/** A plain file is its own hash, and the chunks from which peers put it together. @throws DamageError */
export async function verifyPlainFile(out: string, file: ReleaseFile, manifest: Manifest): Promise<void> {
  const handle = await openFile(out, file.path);
  const { size } = await handle.stat().finally(() => handle.close());
  const chunks = chunksOfFile(manifest, file);
  for (const encoding of STORED_ENCODINGS) {
    const stored = readSource({ path: file.path, location: join(out, file.path), bytes: size });
    if (await isFile(file, chunks, encoding ? decodeContent(stored, encoding, file.path) : stored)) return;
  }
  const problem =
    size === file.plainBytes ? 'not the file of the release' : `${size} bytes instead of ${file.plainBytes}`;
  throw differs(file.path, problem);
}

async function isFile(
  file: ReleaseFile,
  chunks: readonly PackedChunk[],
  pieces: AsyncIterable<Uint8Array>,
): Promise<boolean> {
  const hash = createHash('sha256');
  const check = new ChunkCheck(chunks);
  let bytes = 0;
  try {
    for await (const piece of pieces) {
      bytes += piece.length;
      if (bytes > file.plainBytes) return false;
      hash.update(piece);
      check.add(piece);
    }
  } catch (error) {
    if (error instanceof PublishError && error.code === 'source-encoding') return false;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DamageError('file-unreadable', file.path, reason, { cause: error });
  }
  return bytes === file.plainBytes && hash.digest('hex') === file.hash && check.isWhole;
}

/** Cuts a stream at the lengths of chunks and compares each. */
class ChunkCheck {
  readonly #chunks: readonly PackedChunk[];
  #index = 0;
  #hash: Hash = createHash('sha256');
  #hashedBytes = 0;
  #isWrong = false;

  constructor(chunks: readonly PackedChunk[]) {
    this.#chunks = chunks;
  }

  get isWhole(): boolean {
    return !this.#isWrong && this.#index === this.#chunks.length;
  }

  add(piece: Uint8Array): void {
    let rest = piece;
    for (let chunk = this.#chunks[this.#index]; chunk && rest.length > 0; chunk = this.#chunks[this.#index]) {
      const part = rest.subarray(0, chunk.plainBytes - this.#hashedBytes);
      rest = rest.subarray(part.length);
      this.#hash.update(part);
      this.#hashedBytes += part.length;
      if (this.#hashedBytes < chunk.plainBytes) return;
      if (this.#hash.digest('hex') !== chunk.id) this.#isWrong = true;
      this.#hash = createHash('sha256');
      this.#hashedBytes = 0;
      this.#index += 1;
    }
    if (rest.length > 0) this.#isWrong = true;
  }
}

function isChunk(encoded: Buffer, { id, encoding, plainBytes }: PackedChunk): boolean {
  try {
    const plain = encoding === 'identity' ? encoded : inflateRawSync(encoded, { maxOutputLength: plainBytes });
    return plain.length === plainBytes && createHash('sha256').update(plain).digest('hex') === id;
  } catch {
    // Not deflated data, or longer than it says.
    return false;
  }
}

async function openFile(out: string, path: string) {
  try {
    const file = await open(join(out, path));
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch (cause) {
    const reason = errnoOf(cause) ?? 'unknown error';
    const code: DamageCode = reason === 'ENOENT' || reason === 'ENOTDIR' ? 'file-missing' : 'file-unreadable';
    throw new DamageError(
      code,
      path,
      code === 'file-missing' ? 'missing: publish again' : `cannot be read (${reason})`,
      {
        cause,
      },
    );
  }
  throw new DamageError('file-unreadable', path, 'not a file');
}

function differs(path: string, problem: string): DamageError {
  return new DamageError('file-differs', path, `${problem}: upload or publish it again`);
}
