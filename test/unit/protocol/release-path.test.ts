import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { MAX_PATH_BYTES } from '../../../src/protocol/limits.ts';
import { pathOfUrl, pathProblem, pathToUrl } from '../../../src/protocol/release-path.ts';
import { releasePath } from './arbitraries.ts';
import { PROPERTY_TIMEOUT_MS } from './property-timeout.ts';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

describe('a release path', () => {
  it('that is valid is the same after a trip through a URL', () => {
    fc.assert(
      fc.property(releasePath, (path) => {
        expect(pathProblem(path)).toBeUndefined();
        expect(pathOfUrl(pathToUrl(path))).toBe(path);
        const url = new URL(pathToUrl(path), 'https://app.example/scope/');
        expect(pathOfUrl(url.pathname.slice('/scope/'.length))).toBe(path);
        expect(url.search + url.hash).toBe('');
      }),
    );
  });

  it.each(['', '/', '/a', 'a/', 'a//b', '.', '..', 'a/./b', 'a/..', 'a\\b', 'a\u0000', 'a\nb', '\u007f', '\ud800'])(
    'is not %j',
    (path) => {
      expect(pathProblem(path)).toBeTypeOf('string');
    },
  );

  it.each(['a', 'é', '\u{1f600}', '\uffff'])('of the character %s may have 1,024 bytes and no more', (character) => {
    const bytes = Buffer.byteLength(character);
    const longest = character.repeat(Math.floor(MAX_PATH_BYTES / bytes));
    expect(pathProblem(longest)).toBeUndefined();
    expect(pathProblem(longest + character)).toContain('1024 bytes');
  });

  it.each(['a%2Fb', '%', '%zz', '%ff', 'a%2fb/c'])('is not what the URL path %s names', (urlPath) => {
    expect(pathOfUrl(urlPath)).toBeUndefined();
  });
});
