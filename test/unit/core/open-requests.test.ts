import { describe, expect, it } from 'vitest';
import { Catalog, type CatalogPack } from '../../../src/core/catalog.ts';
import { OpenRequests } from '../../../src/core/open-requests.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { randomFiles, tinyRelease } from '../../fakes/tiny-release.ts';

const CHUNK_BYTES = 100_000;
const { manifest } = tinyRelease({
  sequence: 1,
  files: randomFiles(new SeededRandom(3), [2 * CHUNK_BYTES]),
  chunkBytes: CHUNK_BYTES,
  chunksPerPack: 2,
  deflate: false,
});
const [pack] = [...new Catalog([manifest]).packs.values()] as [CatalogPack];

describe('OpenRequests', () => {
  it('expects what is open to take the time that its bytes take, without those that have come', () => {
    const requests = new OpenRequests();
    requests.add({ pack, first: 0, count: 1 }, 0);
    const give = (chunk: number, offset: number, bytes: number, nowMs: number) =>
      requests.onData(
        {
          type: 'data',
          request: chunk,
          chunk,
          encoding: 'identity',
          encodedBytes: CHUNK_BYTES,
          offset,
          bytes: new Uint8Array(bytes),
        },
        nowMs,
      );
    give(0, 0, CHUNK_BYTES, 1000);
    expect(requests.window.bytesPerMs).toBe(100);
    const { rttMs } = requests.window;

    requests.add({ pack, first: 1, count: 1 }, 1000);
    expect(requests.queueMs(1000)).toBe(1000 + rttMs);
    give(1, 0, 75_000, 1040);
    expect(requests.queueMs(1040)).toBe(250 + rttMs);
    expect(requests.queueMs(1040 + 2000)).toBe(2000);
  });
});
