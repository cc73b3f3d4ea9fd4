import { describe, expect, it } from 'vitest';
import { loadedFile } from '../../../src/demo/loaded-file.ts';

const SCOPE = 'https://example.org/app/';

function timing(path: string, more: { transferSize?: number; source?: string } = {}) {
  return {
    name: SCOPE + path,
    decodedBodySize: 1000,
    transferSize: more.transferSize ?? 0,
    serverTiming: more.source === undefined ? [] : [{ name: 'tabseed', description: more.source }],
  };
}

describe('a loaded file', () => {
  it.each(['store', 'origin', 'mixed'])('has the source %s that the worker names', (source) => {
    expect(loadedFile(timing('a.js', { source }), SCOPE)?.source).toBe(source);
  });

  it('came from peers when the worker says so', () => {
    expect(loadedFile(timing('a.js', { source: 'peers' }), SCOPE)?.source).toBe('peers');
  });

  it('came from the origin when it was transferred and the worker says nothing', () => {
    expect(loadedFile(timing('a.js', { transferSize: 300 }), SCOPE)?.source).toBe('origin');
  });

  it('came from the browser cache when nothing was transferred and the worker says nothing', () => {
    expect(loadedFile(timing('a.js'), SCOPE)?.source).toBe('cache');
  });

  it('has the path below the scope as its name, without query, decoded', () => {
    expect(loadedFile(timing('b%20c/d.js?v=1#x'), SCOPE)?.name).toBe('b c/d.js');
  });

  it("is none for other origins and for Tabseed's own files", () => {
    expect(loadedFile({ ...timing(''), name: 'https://example.com/app/a.js' }, SCOPE)).toBeUndefined();
    expect(loadedFile(timing('tabseed/client.js'), SCOPE)).toBeUndefined();
    expect(loadedFile(timing('tabseed-sw.js'), SCOPE)).toBeUndefined();
  });
});
