import { describe, expect, it } from 'vitest';
import { HeaderRules } from '../../../src/publisher/headers-file.ts';

function headers(text: string, path: string): [string, string][] {
  return [...HeaderRules.parse(text, '_headers').headersOf(path)];
}

describe('a headers file', () => {
  it('gives a path the headers of all rules that fit, in order', () => {
    const text = '# all\n/*\n  X-Frame-Options: DENY\n\n/a/*\n\tX-Robots-Tag: noindex\n/b\n  X-B: 1\n';
    expect(headers(text, 'a/b.js')).toEqual([
      ['x-frame-options', 'DENY'],
      ['x-robots-tag', 'noindex'],
    ]);
    expect(headers(text, 'c')).toEqual([['x-frame-options', 'DENY']]);
  });

  it('matches a placeholder against one segment only', () => {
    const text = '/users/:name/photo.png\n  X-A: 1\n';
    expect(headers(text, 'users/ann/photo.png')).toHaveLength(1);
    expect(headers(text, 'users/ann/b/photo.png')).toHaveLength(0);
    expect(headers(text, 'users//photo.png')).toHaveLength(0);
  });

  it('treats the URL of a folder as that of its index.html', () => {
    const text = '/\n  X-Home: 1\n/docs/\n  X-Docs: 1\n';
    expect(headers(text, 'index.html')).toEqual([['x-home', '1']]);
    expect(headers(text, 'docs/index.html')).toEqual([['x-docs', '1']]);
    expect(headers(text, 'docs/other.html')).toEqual([]);
  });

  it('joins a name that is set twice, and takes back what "!" names', () => {
    const text = '/*\n  X-A: 1\n  X-A: 2\n/b\n  ! X-A\n/c\n  ! X-A\n  X-A: 3\n';
    expect(headers(text, 'a')).toEqual([['x-a', '1, 2']]);
    expect(headers(text, 'b')).toEqual([]);
    expect(headers(text, 'c')).toEqual([['x-a', '3']]);
  });

  it('keeps colons in values, and takes other characters of a path as they are', () => {
    const text = '/a.b(1)%20c.js\n  Content-Security-Policy: default-src https://x.test:8443\n';
    expect(headers(text, 'a.b(1) c.js')).toEqual([['content-security-policy', 'default-src https://x.test:8443']]);
    expect(headers(text, 'aXb(1) c.js')).toEqual([]);
  });

  it('reads Windows line ends and a byte order mark', () => {
    expect(headers('\ufeff/*\r\n  X-A: 1\r\n', 'a')).toEqual([['x-a', '1']]);
  });

  it.each([
    ['  X-A: 1\n', 'line 1: a header comes before the first path'],
    ['/a\n  X-A: 1\n\n/b\n', 'line 4: no header follows this path'],
    ['/a\n  nonsense\n', 'line 2: "Name: value" is expected'],
    ['/a\n  X A: 1\n', 'line 2: "x a" is not'],
    ['/a\n  X-A: \u0007\n', 'line 2: the value of x-a'],
    ['X-A: 1\n', 'line 1: a path must begin with "/"'],
    ['https://x.test/*\n  X-A: 1\n', 'line 1: a path must begin with "/", hosts'],
    ['/a b\n  X-A: 1\n', 'line 1: a path has no spaces'],
    ['/%zz\n  X-A: 1\n', 'line 1: malformed % escape'],
  ])('refuses %j and names the line', (text, message) => {
    expect(() => HeaderRules.parse(text, '_headers')).toThrow(message);
  });
});
