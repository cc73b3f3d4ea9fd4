import { beforeEach, describe, expect, it } from 'vitest';
import { manifestByPatch } from '../../../src/core/manifest-patch.ts';
import { manifestPatchPath } from '../../../src/protocol/layout.ts';
import { encodeLzma } from '../../../src/publisher/lzma-encoder.ts';
import { syncDigest } from '../../fakes/sync-digest.ts';

const digest = syncDigest();
const bytesOf = (text: string) => new TextEncoder().encode(text);

async function held(text: string) {
  const bytes = bytesOf(text);
  return { hash: await digest.sha256(bytes), bytes };
}

function patchOf(from: string, to: string): Uint8Array {
  return encodeLzma(Buffer.from(from + to), from.length);
}

describe('a manifest by patch', async () => {
  const lines = Array.from({ length: 200 }, (_, line) => `file ${line} has the hash ${line * 7919}`);
  const next = [...lines, 'and one more'].join('\n');
  const [older, old, target] = [await held('of long ago'), await held(lines.join('\n')), await held(next)];
  const wanted = { hash: target.hash, bytes: target.bytes.length };
  let files: Map<string, Uint8Array>;
  let asked: string[];
  const make = (...manifests: (typeof old)[]) =>
    manifestByPatch(
      {
        digest,
        pause: () => Promise.resolve(),
        read: (path, maximumBytes) => {
          asked.push(path);
          const file = files.get(path);
          return Promise.resolve(file && file.length <= maximumBytes ? file : undefined);
        },
      },
      manifests,
      wanted,
    );

  beforeEach(() => {
    files = new Map();
    asked = [];
    files.set(manifestPatchPath(target.hash, old.hash), patchOf(lines.join('\n'), next));
  });

  it('is the one that was wanted, to the byte', async () => {
    expect(await make(old)).toEqual(target.bytes);
  });

  it('is made of the first of two that has a patch, and no third one is tried', async () => {
    expect(await make(older, old)).toEqual(target.bytes);
    expect(asked).toEqual([older, old].map(({ hash }) => manifestPatchPath(target.hash, hash)));
    expect(await make(older, older, old)).toBeUndefined();
  });

  it('is none where nothing is held, or no patch is there', async () => {
    expect(await make()).toBeUndefined();
    expect(await make(target, old)).toBeUndefined();
    expect(asked).toEqual([]);
    files.clear();
    expect(await make(old)).toBeUndefined();
  });

  it('is none when the patch makes something else, is cut, or is no patch', async () => {
    const path = manifestPatchPath(target.hash, old.hash);
    const patch = files.get(path) as Uint8Array;
    const other = patchOf(lines.join('\n'), next.replace('one more', 'one else'));
    for (const wrong of [other, patch.subarray(0, patch.length - 5), bytesOf('<html>'), new Uint8Array()]) {
      files.set(path, wrong);
      expect(await make(old)).toBeUndefined();
    }
  });
});
