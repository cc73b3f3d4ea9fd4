import { describe, expect, it } from 'vitest';
import { accepts } from '../../../src/origin-server/representation.ts';
import { cacheControl, isHidden, targetOf } from '../../../src/origin-server/resource.ts';

describe('the target of a request', () => {
  it.each([
    ['/', 'index.html'],
    ['/?tabseed=off', 'index.html'],
    ['/a/b.js?v=1', 'a/b.js'],
    ['/a/', 'a/index.html'],
    ['/a%20b/%C3%A9.js', 'a b/é.js'],
    ['http://example.test/a.js', 'a.js'],
    ['http://example.test', 'index.html'],
    ['/100%25.txt', '100%.txt'],
  ])('of %s is %s', (url, path) => {
    expect(targetOf(url).path).toBe(path);
  });

  it.each([
    '/../secret',
    '/a/../../secret',
    '/%2e%2e/secret',
    '/..%2fsecret',
    '/a//b.js',
    '//evil.test/a',
    '/a\\..\\b',
    '/a%5c..%5cb',
    '/%00',
    '/%ff',
    '/%',
    '*',
    'a.js',
  ])('of %s is no file', (url) => {
    expect(targetOf(url).path).toBeUndefined();
  });
});

describe('what is never served', () => {
  it.each(['deploy.json', 'DEPLOY.JSON', '.env', '.git/config', 'a/.htaccess', '.well-known/.x', 'a/.well-known/b'])(
    'covers %s whether published or not',
    (path) => {
      expect(isHidden(path, false)).toBe(true);
      expect(isHidden(path, true)).toBe(true);
    },
  );

  it.each(['tabseed.pem', 'keys/site.key', '_headers'])('covers %s unless the release has it', (path) => {
    expect(isHidden(path, false)).toBe(true);
    expect(isHidden(path, true)).toBe(false);
  });

  it.each(['.well-known/assetlinks.json', 'app/deploy.json', 'keyboard.js', 'a.b/c.js'])('lets %s pass', (path) => {
    expect(isHidden(path, false)).toBe(false);
  });
});

describe('Cache-Control', () => {
  const hash = '0'.repeat(64);
  it.each([
    [`tabseed/pack-${hash}.bin`, 'public, max-age=31536000, immutable'],
    [`tabseed/manifest-${hash}.bin`, 'public, max-age=31536000, immutable'],
    ['tabseed/pointer.bin', 'no-store'],
    ['tabseed-sw.js', 'no-cache'],
    ['tabseed/client.js', 'no-cache'],
    ['index.html', 'no-cache'],
    [`app/tabseed/pack-${hash}.bin`, 'no-cache'],
  ])('of %s is %s', (path, value) => {
    expect(cacheControl(path)).toBe(value);
  });
});

describe('Accept-Encoding', () => {
  it.each([
    ['gzip, deflate, br', 'br', true],
    ['gzip;q=1.0, BR;q=0.5', 'br', true],
    ['br;q=0, gzip', 'br', false],
    ['br;q=0.000', 'br', false],
    ['*', 'br', true],
    ['*;q=0', 'br', false],
    ['brotli', 'br', false],
    ['', 'gzip', false],
    ['identity', 'gzip', false],
  ])('%s about %s: %s', (header, encoding, allowed) => {
    expect(accepts(header, encoding)).toBe(allowed);
  });
});
