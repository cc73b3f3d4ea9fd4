import { open, stat } from 'node:fs/promises';
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

  const own = await ownEncoding(root, path, plain.size, published);
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

/**
 * Unity and others ship `x.wasm.br` for a Content-Encoding header: published decoded, on the disk as it came. The
 * manifest does not say how it is stored; a length that is not the published one does, with the name or the first bytes.
 */
async function ownEncoding(
  root: string,
  path: ReleasePath,
  bytes: number,
  published: PublishedFile | undefined,
): Promise<string | undefined> {
  if (published === undefined || bytes === published.plainBytes) return undefined;
  // Brotli has no signature: without this name the file may as well be one that a publish is just replacing.
  if (path.endsWith('.br')) return 'br';
  return (await startsAsGzip(join(root, path))) ? 'gzip' : undefined;
}

/** RFC 1952, 2.3.1. */
const GZIP_SIGNATURE = Buffer.from([0x1f, 0x8b]);

async function startsAsGzip(location: string): Promise<boolean> {
  const file = await open(location);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(GZIP_SIGNATURE.length), 0, GZIP_SIGNATURE.length, 0);
    return bytesRead === GZIP_SIGNATURE.length && buffer.equals(GZIP_SIGNATURE);
  } finally {
    await file.close();
  }
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
