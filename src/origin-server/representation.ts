import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReleasePath } from '../protocol/release-path.ts';
import type { PublishedFile } from './current-release.ts';

/** The bytes on the disk that answer a request. */
export interface Representation {
  readonly path: ReleasePath;
  /** Length of the file as it lies at its own path. */
  readonly fileBytes: number;
  /** Content-Encoding; `undefined` for plain bytes. */
  readonly encoding: string | undefined;
  /** Other encodings exist: caches must not mix them. */
  readonly varies: boolean;
  readonly acceptsRanges: boolean;
}

/** Smaller first. */
const VARIANTS = [
  { encoding: 'br', suffix: '.br' },
  { encoding: 'gzip', suffix: '.gz' },
] as const;

/**
 * Picks the precompressed variant that lies beside a file, or the file itself. A Range is of plain bytes, always.
 *
 * @returns `directory`, or `undefined` when there is no such file.
 */
export async function representationOf(
  root: string,
  path: ReleasePath,
  published: PublishedFile | undefined,
  request: { readonly acceptEncoding: string; readonly hasRange: boolean },
): Promise<Representation | 'directory' | undefined> {
  const plain = await statOf(root, path);
  if (plain === undefined) return undefined;
  if (plain.isDirectory()) return 'directory';
  if (!plain.isFile()) return undefined;

  const own = ownEncoding(path, plain.size, published);
  if (own !== undefined) return { path, fileBytes: plain.size, encoding: own, varies: false, acceptsRanges: false };

  const present = await Promise.all(
    VARIANTS.map(async ({ suffix }) => (await statOf(root, `${path}${suffix}`))?.isFile() === true),
  );
  const varies = present.includes(true);
  const chosen = request.hasRange
    ? undefined
    : VARIANTS.find(({ encoding }, index) => present[index] === true && accepts(request.acceptEncoding, encoding));
  return {
    path: `${path}${chosen?.suffix ?? ''}`,
    fileBytes: plain.size,
    encoding: chosen?.encoding,
    varies,
    acceptsRanges: true,
  };
}

/** Unity and others ship `x.wasm.br` for a Content-Encoding header: published decoded, on the disk as it came. */
function ownEncoding(path: ReleasePath, bytes: number, published: PublishedFile | undefined): string | undefined {
  if (published === undefined) return undefined;
  const stated = published.headers.find(([name]) => name === 'content-encoding')?.[1];
  if (stated !== undefined) return stated;
  if (bytes === published.plainBytes) return undefined;
  return VARIANTS.find(({ suffix }) => path.endsWith(suffix))?.encoding;
}

/**
 * A suffix longer than the file means the whole file (RFC 9110, 14.1.2); range-parser 1.2.1, which `send` uses, calls it
 * unsatisfiable.
 */
export function satisfiableRange(range: string, fileBytes: number): string {
  const suffix = /^bytes=-(\d+)$/.exec(range)?.[1];
  return suffix !== undefined && fileBytes > 0 && Number(suffix) > fileBytes ? 'bytes=0-' : range;
}

/** Whether an Accept-Encoding header allows an encoding (RFC 9110, 12.5.3). */
export function accepts(header: string, encoding: string): boolean {
  for (const entry of header.toLowerCase().split(',')) {
    const [name = '', ...parameters] = entry.split(';').map((part) => part.trim());
    if (name === encoding || name === '*') return !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  }
  return false;
}

async function statOf(root: string, path: ReleasePath) {
  try {
    return await stat(join(root, path));
  } catch {
    // Missing, or not readable for us: for a client both are "not found".
    return undefined;
  }
}
