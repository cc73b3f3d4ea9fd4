import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtScripts } from '../../src/cli/built-scripts.ts';
import { type Benchmark, rounded } from '../benchmark.ts';
import { clientBytes, readRelease } from './client-bytes.ts';
import { LEFT_OUT, ReleaseFolder } from './release-folder.ts';
import { installReleases, REAL_PAIRS, type ReleasePair } from './releases.ts';
import { precacheBytes, zstdPatchBytes } from './rivals.ts';

/** As it is published to npm: tsx's translation of private fields makes the encoder ten times slower. */
const PUBLISHER = join(import.meta.dirname, '../../dist/publisher/index.js');

export const benchmark: Benchmark = {
  summary: 'what an update costs a client, all in, against a precache and zstd patches; needs `npm run build`',
  options: [
    { name: 'from', unit: 'folder', summary: 'a built app; without it, three real updates are measured', default: '' },
    { name: 'to', unit: 'folder', summary: 'its next release', default: '' },
  ],
  async run(_, { from = '', to = '' }) {
    if (from !== '' && to !== '') return await measure({ name: '', from, to });
    installReleases();
    const pairs: Record<string, object> = {};
    for (const pair of REAL_PAIRS) {
      pairs[pair.name] = await measure(pair);
      process.stderr.write(`${pair.name} ${JSON.stringify(pairs[pair.name])}\n`);
    }
    return { pairs, targets: { overZstd: 1.2, checkBytes: 1000 } };
  },
};

async function measure({ from, to }: ReleasePair): Promise<object> {
  const { generateKey, publish } = (await import(PUBLISHER)) as typeof import('../../src/publisher/index.ts');
  const root = await mkdtemp(join(tmpdir(), 'tabseed-update-'));
  try {
    const out = join(root, 'out');
    const key = generateKey().pem;
    const options = { out, key, scripts: builtScripts(), exclude: LEFT_OUT, inject: false };
    await publish({ ...options, source: from, created: 1, sequence: 1 });
    const held = readRelease(out);
    const start = performance.now();
    await publish({ ...options, source: to, created: 2, sequence: 2 });
    const publishSeconds = rounded((performance.now() - start) / 1000, 1);
    const parts = clientBytes(held, out);
    const bytes = parts.pointerBytes + parts.manifestBytes + parts.deltaBytes + parts.chunkBytes;
    const [old, next] = [new ReleaseFolder(from), new ReleaseFolder(to)];
    const zstd = zstdPatchBytes(old, next);
    return {
      bytes,
      ...parts,
      precacheBytes: precacheBytes(old, next),
      zstdPatchBytes: zstd,
      overZstd: zstd === null ? null : rounded(bytes / zstd),
      // With nothing new, a check is the pointer alone.
      checkBytes: parts.pointerBytes,
      publishSeconds,
    };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
