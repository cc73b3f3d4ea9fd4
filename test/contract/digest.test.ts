import { describe, expect, it } from 'vitest';
import { incrementalSha256 } from '../../src/platform/incremental-digest.ts';
import { subtleDigest } from '../../src/platform/subtle-digest.ts';
import { syncDigest } from '../fakes/sync-digest.ts';
import { patterned } from './contract.ts';
import { digestContract } from './digest-contract.ts';

const incremental = {
  sha256: async (bytes: Uint8Array) => {
    const hash = await incrementalSha256();
    hash.update(bytes);
    return hash.digest();
  },
};

describe.each([
  ['the digest on virtual time', syncDigest()],
  ['the digest of WebCrypto', subtleDigest()],
  ['the incremental digest', incremental],
])('%s', (_name, digest) => {
  it.each(digestContract)('$name', ({ run }) => run(digest));
});

describe('the incremental digest', () => {
  it('gives the hash of all pieces together, with several under way at once', async () => {
    const bytes = patterned(100_000);
    const [one, two] = await Promise.all([incrementalSha256(), incrementalSha256()]);
    for (let offset = 0; offset < bytes.length; offset += 777) {
      one.update(bytes.subarray(offset, offset + 777));
      if (offset < 50_000) two.update(bytes.subarray(offset, offset + 777));
    }
    const expected = await subtleDigest().sha256(bytes);
    expect(one.digest()).toBe(expected);
    expect(two.digest()).not.toBe(expected);
  });
});
