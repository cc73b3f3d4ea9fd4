import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';

/** As CDNs do. */
const QUALITY = 9;
/** What no server would: bytes of our own making that are compressed already. */
const AS_THEY_ARE = /\/tabseed\/.*\.bin$/;

/**
 * Puts a brotli form beside each file that it makes smaller: a web server's, and so `tabseed serve`'s, answer.
 *
 * @returns bytes of each file as it is sent, by path
 */
export async function compressFiles(folder: string): Promise<ReadonlyMap<string, number>> {
  const bytes = new Map<string, number>();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((one) => one.isFile())) {
    const location = join(entry.parentPath, entry.name);
    const content = await readFile(location);
    const params = { [constants.BROTLI_PARAM_QUALITY]: QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
    const small = AS_THEY_ARE.test(location) ? content : await promisify(brotliCompress)(content, { params });
    if (small.length < content.length) await writeFile(`${location}.br`, small);
    bytes.set(location.slice(folder.length + 1), Math.min(small.length, content.length));
  }
  return bytes;
}
