import { describe, expect, it } from 'vitest';
import { answerRange } from '../../../src/core/range.ts';
import { planResponse, takenOver } from '../../../src/core/response-plan.ts';

const HASH = 'ab'.repeat(32);
const ETAG = `"${HASH}"`;
const FILE = { path: 'a.js', plainBytes: 1000, hash: HASH, mediaType: 'text/javascript', headerSet: 0, runs: [] };
const PLAIN = { method: 'GET', range: null, ifRange: null, ifNoneMatch: null };

describe('answerRange', () => {
  const whole = { kind: 'whole' };
  const none = { kind: 'none' };
  const part = (first: number, last: number) => ({ kind: 'part', first, last });
  it.each([
    ['bytes=0-1', part(0, 1)],
    ['bytes=0-', part(0, 999)],
    ['bytes=0-999', part(0, 999)],
    ['bytes=500-5000', part(500, 999)],
    ['bytes=999-', part(999, 999)],
    ['bytes=999-999', part(999, 999)],
    ['bytes=-1', part(999, 999)],
    ['bytes=-300', part(700, 999)],
    ['bytes=-5000', part(0, 999)],
    ['BYTES= 1-2 ', part(1, 2)],
    ['bytes=1000-', none],
    ['bytes=1000-1001', none],
    ['bytes=99999999999999999999-', none],
    ['bytes=-0', none],
    ['bytes=-', whole],
    ['bytes=2-1', whole],
    ['bytes=0-1,3-4', whole],
    ['bytes=a-b', whole],
    ['bytes 0-1', whole],
    ['lines=0-1', whole],
    ['', whole],
  ])('reads %j', (range, expected) => {
    expect(answerRange(range, null, { bytes: 1000, etag: ETAG })).toEqual(expected);
  });

  it('serves the whole file when If-Range names another version, a date or a weak tag', () => {
    const file = { bytes: 1000, etag: ETAG };
    expect(answerRange('bytes=0-1', ETAG, file)).toEqual(part(0, 1));
    for (const other of ['"other"', `W/${ETAG}`, 'Wed, 21 Oct 2026 07:28:00 GMT']) {
      expect(answerRange('bytes=0-1', other, file)).toEqual(whole);
    }
  });

  it('has no part of an empty file', () => {
    const empty = { bytes: 0, etag: ETAG };
    expect(answerRange('bytes=0-', null, empty)).toEqual(none);
    expect(answerRange('bytes=-5', null, empty)).toEqual(whole);
  });
});

describe('planResponse', () => {
  const header = (plan: ReturnType<typeof planResponse>, name: string) => new Map(plan.headers).get(name);

  it('describes the whole file', () => {
    const plan = planResponse(PLAIN, FILE);
    expect(plan).toMatchObject({ status: 200, body: { first: 0, bytes: 1000 } });
    expect(Object.fromEntries(plan.headers)).toEqual({
      'content-type': 'text/javascript',
      'content-length': '1000',
      'accept-ranges': 'bytes',
      'cache-control': 'no-cache',
      etag: ETAG,
    });
  });

  it('answers HEAD with the headers of GET and no body, whatever range it names', () => {
    const get = planResponse(PLAIN, FILE);
    expect(planResponse({ ...PLAIN, method: 'HEAD', range: 'bytes=0-1' }, FILE)).toEqual({
      ...get,
      body: undefined,
    });
  });

  it('answers a range with 206, and with 416 what lies behind the end', () => {
    const part = planResponse({ ...PLAIN, range: 'bytes=10-19' }, FILE);
    expect(part).toMatchObject({ status: 206, body: { first: 10, bytes: 10 } });
    expect(header(part, 'content-range')).toBe('bytes 10-19/1000');
    expect(header(part, 'content-length')).toBe('10');
    const none = planResponse({ ...PLAIN, range: 'bytes=1000-' }, FILE);
    expect(none).toMatchObject({ status: 416, body: undefined });
    expect(header(none, 'content-range')).toBe('bytes */1000');
  });

  it.each([ETAG, `W/${ETAG}`, `"x", ${ETAG}`, '*'])(
    'answers If-None-Match: %s with 304, before any range',
    (ifNoneMatch) => {
      const plan = planResponse({ ...PLAIN, ifNoneMatch, range: 'bytes=0-1' }, FILE);
      expect(plan).toMatchObject({ status: 304, body: undefined });
      expect(header(plan, 'etag')).toBe(ETAG);
    },
  );

  it('serves the file when If-None-Match names another version', () => {
    expect(planResponse({ ...PLAIN, ifNoneMatch: '"other"' }, FILE).status).toBe(200);
  });

  it("takes over the release's headers but for those that a made-up response must not have", () => {
    const taken = takenOver([
      ['content-security-policy', "default-src 'self'"],
      ['link', '</a.css>; rel=preload'],
      ['link', '</b.css>; rel=preload'],
      ['x-te', 'kept'],
      ['content-encoding', 'br'],
      ['content-length', '5'],
      ['set-cookie', 'a=b'],
      ['transfer-encoding', 'chunked'],
      ['connection', 'close'],
      ['cache-control', 'max-age=60'],
    ]);
    expect(taken.map(([name]) => name)).toEqual(['content-security-policy', 'link', 'link', 'x-te']);
  });
});
