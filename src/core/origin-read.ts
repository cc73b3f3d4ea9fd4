import type { PackedChunk } from '../protocol/manifest.ts';
import { ByteCutter } from './byte-cutter.ts';
import type { FileContent, Span } from './catalog.ts';
import { OriginError } from './errors.ts';
import type { ByteSource, Origin, StoredChunk } from './ports.ts';

/** Chunks as they arrive from the origin: complete, in order, not yet verified. */
export interface OriginRead {
  /** Resolves at the end; rejects with OriginError. Chunks passed on before a failure stay good. */
  readonly done: Promise<void>;
  cancel(): void;
}

export type OnOriginChunk = (chunk: PackedChunk, stored: StoredChunk) => void;

/** Reads consecutive chunks of a pack with one Range request. */
export function readSpan(origin: Origin, span: Span, onChunk: OnOriginChunk): OriginRead {
  const { pack, first, count } = span;
  const start = pack.offsets[first] as number;
  const end = pack.offsets[first + count] as number;
  const source = origin.readPack(pack.id, start, end - start);
  const pieces = pack.chunks.slice(first, first + count);
  return read(source, pieces, (chunk) => chunk.encodedBytes, onChunk);
}

/**
 * Reads a plain file and cuts it at the chunk lengths of the release. The origin may hold another version of the file:
 * then the cuts do not verify, or the length does not fit.
 */
export function readFile(
  origin: Origin,
  content: FileContent,
  mustBeCompressed: boolean,
  onChunk: OnOriginChunk,
): OriginRead {
  const source = origin.readFile(content.file.path, mustBeCompressed);
  return read(
    source,
    content.chunks.map((chunk) => ({ ...chunk, encoding: 'identity' as const })),
    (chunk) => chunk.plainBytes,
    onChunk,
  );
}

function read(
  source: ByteSource,
  chunks: readonly PackedChunk[],
  lengthOf: (chunk: PackedChunk) => number,
  onChunk: OnOriginChunk,
): OriginRead {
  return { done: cut(source, chunks, lengthOf, onChunk), cancel: () => source.cancel() };
}

async function cut(
  source: ByteSource,
  chunks: readonly PackedChunk[],
  lengthOf: (chunk: PackedChunk) => number,
  onChunk: OnOriginChunk,
): Promise<void> {
  const cutter = new ByteCutter(source);
  for (const chunk of chunks) {
    const bytes = await cutter.take(lengthOf(chunk));
    onChunk(chunk, { encoding: chunk.encoding, bytes });
  }
  if (!(await cutter.isAtEnd())) {
    source.cancel();
    throw new OriginError('origin-length', 'the body is longer than the release says');
  }
}
