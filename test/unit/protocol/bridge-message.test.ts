import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import {
  decodeLeaderRequest,
  decodeLeaderResponse,
  decodePageMessage,
  decodeReply,
  decodeWorkerMessage,
} from '../../../src/protocol/bridge-message.ts';
import { ProtocolError } from '../../../src/protocol/errors.ts';
import { PROPERTY_TIMEOUT_MS } from './property-timeout.ts';
import { readVectors, refusal, revive } from './vectors.ts';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

interface Group {
  readonly valid: readonly { readonly name: string; readonly value: unknown }[];
  readonly invalid: readonly { readonly name: string; readonly value: unknown; readonly error: string }[];
}

const RUNS = 1000;
const vectors = readVectors('bridge-message.json') as Record<
  'page' | 'reply' | 'worker' | 'leaderRequest' | 'leaderResponse',
  Group
>;
const asClone = (value: unknown) => revive(value, (bytes) => bytes.buffer);
const HASH = 'ab'.repeat(32);

describe.each([
  { name: 'page message', decode: decodePageMessage, group: vectors.page },
  { name: 'reply', decode: decodeReply, group: vectors.reply },
  { name: 'worker message', decode: decodeWorkerMessage, group: vectors.worker },
  { name: 'leader request', decode: decodeLeaderRequest, group: vectors.leaderRequest },
  { name: 'leader response', decode: decodeLeaderResponse, group: vectors.leaderResponse },
])('$name', ({ decode, group }) => {
  it.each(group.valid)('is read as it is after a structured clone: $name', ({ value }) => {
    const message = asClone(value);
    expect(decode(structuredClone(message))).toEqual(message);
  });

  it.each(group.valid)('loses fields that it does not have: $name', ({ value }) => {
    const message = asClone(value) as object;
    expect(decode({ ...message, extra: 1 })).toEqual(message);
  });

  it.each(group.invalid)('is refused: $name', ({ value, error }) => {
    expect(refusal(() => decode(asClone(value)))).toBe(error);
  });

  it('of any value, also a valid one with a field replaced, is refused with a ProtocolError or read', () => {
    const messages = group.valid.map(({ value }) => asClone(value) as Record<string, unknown>);
    const spoiled = fc.tuple(fc.constantFrom(...messages), fc.nat(), fc.anything()).map(([message, at, value]) => {
      const names = Object.keys(message);
      return { ...message, [names[at % names.length] ?? 'type']: value };
    });
    const anything = fc.anything({ withDate: true, withMap: true, withSet: true, withTypedArray: true });
    fc.assert(
      fc.property(fc.oneof(anything, spoiled), (value) => {
        try {
          decode(value);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: RUNS },
    );
  });
});

describe('a structured clone', () => {
  it('with a hole in a list is refused: lists are dense', () => {
    const chunks = [HASH];
    chunks[2] = HASH;
    expect(refusal(() => decodeLeaderRequest({ type: 'stored', chunks }))).toBe('bad-value');
  });

  it('with a view where a buffer is due is refused: a view drags its whole buffer along', () => {
    const chunk = { type: 'chunk', request: 0, chunk: HASH, source: 'peers' };
    expect(refusal(() => decodeLeaderResponse({ ...chunk, bytes: new Uint8Array(4) }))).toBe('bad-value');
    expect(refusal(() => decodeLeaderResponse({ ...chunk, bytes: new SharedArrayBuffer(4) }))).toBe('bad-value');
  });

  it('with a minus zero is read as zero', () => {
    expect(decodeLeaderResponse({ type: 'ack', request: -0 })).toEqual({ type: 'ack', request: 0 });
  });

  it.each([
    0.5,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    1n,
    '1',
    null,
    undefined,
    [1],
    { valueOf: () => 1 },
  ])('with %o for a number is refused', (request) => {
    expect(refusal(() => decodeLeaderResponse({ type: 'ack', request }))).toBe('bad-value');
  });

  it('whose fields come from a prototype of no object is refused', () => {
    expect(refusal(() => decodePageMessage(Object.create(null)))).toBe('unknown-type');
    expect(refusal(() => decodePageMessage(new Map([['type', 'check']])))).toBe('unknown-type');
  });
});
