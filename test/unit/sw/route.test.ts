import { describe, expect, it } from 'vitest';
import { fileAt, type RequestFacts, route } from '../../../src/sw/route.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { testSeed } from '../../fakes/test-seed.ts';
import { randomFiles, tinyRelease } from '../../fakes/tiny-release.ts';

const SCOPE = 'https://example.org/app/';

function request(path: string, facts: Partial<RequestFacts> = {}): RequestFacts {
  return {
    method: 'GET',
    url: new URL(path, SCOPE).href,
    mode: 'cors',
    destination: '',
    cache: 'default',
    referrer: 'about:client',
    headers: new Headers(),
    ...facts,
  };
}

const pass = { kind: 'pass' };

describe('route', () => {
  it.each(['cors', 'no-cors', 'same-origin', 'navigate'] as const)('takes a same-origin GET of mode %s', (mode) => {
    expect(route(request('a/b.js', { mode }), SCOPE)).toEqual({ kind: 'path', path: 'a/b.js' });
  });

  it('takes HEAD, and lets every other method pass', () => {
    expect(route(request('a.js', { method: 'HEAD' }), SCOPE)).toMatchObject({ kind: 'path' });
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      expect(route(request('a.js', { method }), SCOPE)).toEqual(pass);
    }
  });

  it('lets other origins and paths outside the scope pass', () => {
    expect(route(request('https://cdn.example.org/app/a.js'), SCOPE)).toEqual(pass);
    expect(route(request('http://example.org/app/a.js'), SCOPE)).toEqual(pass);
    expect(route(request('/other/a.js'), SCOPE)).toEqual(pass);
  });

  it('ignores the query string and the fragment', () => {
    expect(route(request('a.js?v=1#top'), SCOPE)).toEqual({ kind: 'path', path: 'a.js' });
  });

  it('decodes escapes, and lets what is no path pass', () => {
    expect(route(request('dir/a%20b%C3%A9.js'), SCOPE)).toEqual({ kind: 'path', path: 'dir/a bé.js' });
    expect(route(request('a%2Fb.js'), SCOPE)).toEqual(pass);
    expect(route(request('%ff'), SCOPE)).toEqual(pass);
  });

  it('reads a directory with its slash as its index.html, and leaves one without to the origin', () => {
    expect(route(request(''), SCOPE)).toEqual({ kind: 'path', path: 'index.html' });
    expect(route(request('docs/'), SCOPE)).toEqual({ kind: 'path', path: 'docs/index.html' });
    expect(route(request('docs'), SCOPE)).toEqual({ kind: 'path', path: 'docs' });
  });

  it('lets requests with Authorization pass', () => {
    const headers = new Headers({ Authorization: 'Bearer x' });
    expect(route(request('a.js', { headers }), SCOPE)).toEqual(pass);
  });

  it.each(['no-store', 'reload', 'only-if-cached'] as const)('lets a subresource with cache %s pass', (cache) => {
    expect(route(request('a.js', { cache }), SCOPE)).toEqual(pass);
    expect(route(request('a.html', { cache, mode: 'navigate' }), SCOPE)).toMatchObject({ kind: 'path' });
  });

  it("lets Tabseed's own files pass", () => {
    for (const path of ['tabseed-sw.js', 'tabseed/state/', 'tabseed/pointer.bin', 'tabseed/pack-00.bin']) {
      expect(route(request(path), SCOPE)).toEqual(pass);
    }
    expect(route(request('tabseed.html'), SCOPE)).toMatchObject({ kind: 'path' });
  });

  it('knows client scripts, which are kept for when the origin is away, but not those that are asked for anew', () => {
    for (const path of ['tabseed/client.js', 'tabseed/updates-a1.js', 'tabseed/state/state.js'])
      expect(route(request(path), SCOPE)).toEqual({ kind: 'script' });
    expect(route(request('tabseed/client.js', { cache: 'reload' }), SCOPE)).toEqual(pass);
    expect(route(request('tabseed/client.js', { method: 'POST' }), SCOPE)).toEqual(pass);
  });

  it('is off for a navigation with ?tabseed=off, and for frames of such a page', () => {
    const off = { kind: 'off' };
    expect(route(request('?tabseed=off', { mode: 'navigate' }), SCOPE)).toEqual(off);
    expect(route(request('?tabseed=on', { mode: 'navigate' }), SCOPE)).toMatchObject({ kind: 'path' });
    expect(route(request('a.js?tabseed=off'), SCOPE)).toMatchObject({ kind: 'path' });
    const frame = { mode: 'navigate', destination: 'iframe', referrer: `${SCOPE}?tabseed=off` } as const;
    expect(route(request('frame.html', frame), SCOPE)).toEqual(off);
    expect(route(request('frame.html', { ...frame, destination: 'document' }), SCOPE)).toMatchObject({ kind: 'path' });
  });
});

describe('fileAt', () => {
  it('finds every file of a release, and nothing else', () => {
    const files = randomFiles(
      new SeededRandom(testSeed()),
      Array.from({ length: 100 }, () => 8),
    );
    const { manifest } = tinyRelease({ sequence: 1, files, chunkBytes: 8, chunksPerPack: 100, deflate: false });
    for (const path of files.keys()) expect(fileAt(manifest, path)?.path).toBe(path);
    for (const path of ['', '0', '00.bin', 'zzz', '0.bin/']) expect(fileAt(manifest, path)).toBeUndefined();
    expect(fileAt({ ...manifest, files: [] }, '0.bin')).toBeUndefined();
  });
});
