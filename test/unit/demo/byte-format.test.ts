import { describe, expect, it } from 'vitest';
import { formatBytes, formatMilliseconds } from '../../../src/demo/byte-format.ts';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [99_949, '99.9 kB'],
    [276_000, '276 kB'],
    [999_960, '1.0 MB'],
    [11_800_000, '11.8 MB'],
    [2_500_000_000, '2.5 GB'],
  ])('writes %d as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('formatMilliseconds', () => {
  it('uses seconds from one second on', () => {
    expect([formatMilliseconds(87.4), formatMilliseconds(999), formatMilliseconds(1234)]).toEqual([
      '87 ms',
      '999 ms',
      '1.2 s',
    ]);
  });
});
