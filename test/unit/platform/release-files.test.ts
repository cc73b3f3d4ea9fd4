import { describe, expect, it } from 'vitest';
import { filesFirst, readIfThere, releaseFiles } from '../../../src/platform/release-files.ts';
import { encodePointer } from '../../../src/protocol/pointer.ts';

const BASE = 'https://app.example/';
const MANIFEST = new Uint8Array([1, 2, 3]);

const pointer = (manifestBytes: number) =>
  encodePointer(
    {
      ...{ app: 'app', channel: 'stable', sequence: 7, created: 1, expires: 2, minimumSequence: 0 },
      ...{ manifestHash: 'a'.repeat(64), manifestBytes },
    },
    [],
  );

/** An origin of these files. */
function originOf(files: Record<string, Uint8Array<ArrayBuffer> | undefined>): typeof fetch {
  return (input) => {
    const file = files[new URL(input as URL).pathname];
    return Promise.resolve(file ? new Response(file) : new Response('no', { status: 404 }));
  };
}

describe('the files of a release that a check brings', () => {
  it('are the pointer alone where it is no news, or takes the app away, and nobody is asked for a patch', async () => {
    const unasked = () => Promise.reject(new Error('asked'));
    const [news, retirement] = [pointer(3), pointer(0)];
    expect(await releaseFiles(BASE, originOf({ '/tabseed/pointer.bin': news }), 7, unasked)).toEqual([news]);
    expect(await releaseFiles(BASE, originOf({ '/tabseed/pointer.bin': retirement }), 6, unasked)).toEqual([
      retirement,
    ]);
  });

  it('are pointer and manifest where a patch makes it, else the pointer', async () => {
    const file = pointer(3);
    const fetch = originOf({ '/tabseed/pointer.bin': file });
    expect(await releaseFiles(BASE, fetch, 6, () => Promise.resolve(MANIFEST))).toEqual([file, MANIFEST]);
    expect(await releaseFiles(BASE, fetch, 6, () => Promise.resolve(undefined))).toEqual([file]);
  });

  it('fail with the code of the origin, or as no pointer', async () => {
    const none = () => Promise.resolve(undefined);
    await expect(releaseFiles(BASE, originOf({}), 6, none)).rejects.toMatchObject({ code: 'origin-status' });
    const html = originOf({ '/tabseed/pointer.bin': new TextEncoder().encode('<html>') });
    await expect(releaseFiles(BASE, html, 6, none)).rejects.toMatchObject({ name: 'ProtocolError' });
  });

  it('are given in their order, and then the origin is asked', async () => {
    const fetch = filesFirst([MANIFEST, pointer(3)], originOf({ '/x': new Uint8Array([9]) }));
    const bytes = async () => new Uint8Array(await (await fetch(new URL('x', BASE))).arrayBuffer());
    expect([await bytes(), await bytes(), await bytes()]).toEqual([MANIFEST, pointer(3), new Uint8Array([9])]);
  });
});

it('a file that need not be there is nothing where it is missing or too long', async () => {
  const fetch = originOf({ '/here': MANIFEST });
  expect(await readIfThere(BASE, fetch, 'here', 3)).toEqual(MANIFEST);
  expect(await readIfThere(BASE, fetch, 'here', 2)).toBeUndefined();
  expect(await readIfThere(BASE, fetch, 'gone', 3)).toBeUndefined();
});
