import { ProtocolError } from './errors.ts';
import * as limits from './limits.ts';
import type { Chunking, HeaderSet, Manifest, Pack, ReleaseFile } from './manifest.ts';
import { isReleasePath, pathProblem } from './release-path.ts';

const HEADER_NAME_PATTERN = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
// RFC 9110 field values: visible characters, spaces, tabs, and bytes above ASCII as U+0080 to U+00FF. Anything else would
// make `new Response` throw in a worker that must always answer.
const HEADER_VALUE_PATTERN = /^[\t\x20-\x7e\x80-\xff]*$/;

/** @throws ProtocolError where a manifest that could be read says something that none may say. */
export function checkManifest({ chunking, packs, headerSets, files }: Manifest): void {
  checkChunking(chunking);
  for (const pack of packs) checkPack(pack);
  if (new Set(packs.map(({ id }) => id)).size < packs.length) throw new ProtocolError('bad-value', 'pack listed twice');
  for (const headers of headerSets) checkHeaders(headers);
  const references: References = { plainOffsets: packs.map(plainOffsetsOf), headerSets: headerSets.length, chunks: 0 };
  for (const [index, file] of files.entries()) {
    checkFile(file, references);
    const before = files[index - 1];
    if (before !== undefined && before.path >= file.path)
      throw new ProtocolError('bad-value', 'paths are not in order');
  }
}

/** Says why a response header cannot be part of a release, or `undefined` when it can. */
export function headerProblem(name: string, value: string): string | undefined {
  if (!HEADER_NAME_PATTERN.test(name)) return `"${name}" is not a lower-case header name`;
  if (!HEADER_VALUE_PATTERN.test(value)) return `the value of ${name} has a control character`;
  return undefined;
}

function checkChunking({ minimumBytes, averageBytes, maximumBytes }: Chunking): void {
  if (minimumBytes < 1 || minimumBytes > averageBytes || averageBytes > maximumBytes) {
    throw new ProtocolError('bad-value', 'chunking parameters out of order');
  }
}

function checkPack({ chunks }: Pack): void {
  let packBytes = 0;
  for (const { plainBytes, encodedBytes } of chunks) {
    if (plainBytes === 0 || encodedBytes === 0) throw new ProtocolError('bad-value', 'empty chunk');
    packBytes += encodedBytes;
  }
  if (packBytes > limits.MAX_PACK_BYTES) throw new ProtocolError('too-large', 'pack');
}

function checkHeaders(headers: HeaderSet): void {
  for (const [name, value] of headers) {
    if (headerProblem(name, value) !== undefined) throw new ProtocolError('bad-value', `header ${name}`);
  }
}

/** What files refer to, and how many chunks they have named so far. */
interface References {
  readonly plainOffsets: readonly Float64Array[];
  readonly headerSets: number;
  chunks: number;
}

/**
 * Where each chunk would start if the pack's chunks were written plain, and at last where they would end. With it the
 * length of a run is one subtraction: adding up chunk by chunk, a manifest of 1 MB could keep a client busy for minutes.
 */
function plainOffsetsOf(pack: Pack): Float64Array {
  const offsets = new Float64Array(pack.chunks.length + 1);
  let end = 0;
  for (const [index, chunk] of pack.chunks.entries()) {
    end += chunk.plainBytes;
    offsets[index + 1] = end;
  }
  return offsets;
}

function checkFile({ path, mediaType, headerSet, runs, plainBytes }: ReleaseFile, references: References): void {
  if (!isReleasePath(path)) throw new ProtocolError('bad-value', `path refused: ${pathProblem(path)}`);
  if (!HEADER_VALUE_PATTERN.test(mediaType)) throw new ProtocolError('bad-value', 'media type');
  if (headerSet >= references.headerSets) throw new ProtocolError('bad-value', 'header set out of range');
  let runBytes = 0;
  for (const run of runs) {
    const offsets = references.plainOffsets[run.pack];
    const start = offsets?.[run.first];
    const end = offsets?.[run.first + run.count];
    if (start === undefined || end === undefined || run.count === 0) {
      throw new ProtocolError('bad-value', 'chunk run out of range');
    }
    // Three bytes of run can name 16,384 chunks: whoever expands the runs must not have to count.
    references.chunks += run.count;
    if (references.chunks > limits.MAX_CHUNK_REFERENCES) throw new ProtocolError('too-large', 'chunks of all files');
    runBytes += end - start;
  }
  if (runBytes !== plainBytes) throw new ProtocolError('bad-value', 'chunks do not add up to the declared length');
}
