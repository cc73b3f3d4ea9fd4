import { describe, expect, it } from 'vitest';
import { formatShare, offloadOf, sharesOf } from '../../../src/demo/source-bytes.ts';

describe('the shares of the sources', () => {
  it('are zero while there are no bytes', () => {
    expect(sharesOf({ peers: 0, store: 0, origin: 0 })).toEqual({ peers: 0, store: 0, origin: 0 });
  });

  it('add up to one', () => {
    expect(sharesOf({ peers: 6, store: 1, origin: 3 })).toEqual({ peers: 0.6, store: 0.1, origin: 0.3 });
  });

  it('never read 100 or 0 per cent unless they are', () => {
    expect([0, 0.001, 0.5, 0.999, 1].map(formatShare)).toEqual(['0 %', '1 %', '50 %', '99 %', '100 %']);
  });
});

describe('offload', () => {
  it('leaves the store out', () => {
    expect(offloadOf({ peers: 3, store: 96, origin: 1 })).toBe(0.75);
  });

  it('is unknown while nothing moved', () => {
    expect(offloadOf({ peers: 0, store: 96, origin: 0 })).toBeUndefined();
  });
});
