import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Benchmark, rounded } from '../benchmark.ts';

const DIST = join(import.meta.dirname, '../../dist');

/** Kilobytes of 1,000 bytes, gzip level 9. */
function gzipKB(files: readonly string[]): number {
  return rounded(files.reduce((sum, file) => sum + gzipSync(readFileSync(file), { level: 9 }).length, 0) / 1000, 2);
}

export const benchmark: Benchmark = {
  summary: 'gzip size of what a page and a worker load; needs `npm run build`',
  options: [],
  run() {
    const page = join(DIST, 'page');
    const lazy = readdirSync(page).filter((name) => name !== 'client.js' && name.endsWith('.js'));
    return {
      pageKB: gzipKB([join(page, 'client.js')]),
      lazyKB: gzipKB(lazy.map((name) => join(page, name))),
      workerKB: gzipKB([join(DIST, 'worker/sw.js')]),
      targets: { pageKB: 10, lazyKB: 45, workerKB: 14 },
    };
  },
};
