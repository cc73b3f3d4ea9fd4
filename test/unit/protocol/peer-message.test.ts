import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ProtocolError } from '../../../src/protocol/errors.ts';
import { decodePeerMessage, encodePeerMessage, type PeerMessage } from '../../../src/protocol/peer-message.ts';
import { peerMessage } from './arbitraries.ts';
import { mutated } from './mutation.ts';
import { PROPERTY_TIMEOUT_MS } from './property-timeout.ts';
import { type BytesVectors, bytesOf, readVectors, refusal, revive } from './vectors.ts';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

const RUNS = 2000;
const vectors = readVectors('peer-message.json') as BytesVectors;
const asMessage = (value: unknown) => revive(value, (bytes) => bytes) as PeerMessage;

describe('peer message vectors', () => {
  it.each(vectors.valid)('reads and writes: $name', ({ layout, value }) => {
    expect(decodePeerMessage(bytesOf(layout))).toEqual(asMessage(value));
    expect(encodePeerMessage(asMessage(value))).toEqual(bytesOf(layout));
  });

  it.each(vectors.invalid)('refuses: $name', ({ layout, error }) => {
    expect(refusal(() => decodePeerMessage(bytesOf(layout)))).toBe(error);
  });

  it('hold every type of message', () => {
    const types = new Set(vectors.valid.map(({ value }) => asMessage(value).type));
    expect([...types].sort()).toEqual(
      [
        ...['bitfield', 'bye', 'cancel', 'data', 'have', 'hello', 'manifest-part', 'manifest-request', 'packs', 'ping'],
        ...['pointer', 'pong', 'reject', 'request'],
      ].sort(),
    );
  });
});

describe('any peer message', () => {
  it('is the same after a trip over the wire', () => {
    fc.assert(
      fc.property(peerMessage, (message) => {
        expect(decodePeerMessage(encodePeerMessage(message))).toEqual(message);
      }),
    );
  });

  it('is one frame, its bytes not shared with the message', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const data = {
      type: 'data',
      request: 0,
      chunk: 0,
      encoding: 'identity',
      encodedBytes: 3,
      offset: 0,
      bytes,
    } as const;
    const frame = encodePeerMessage(data);
    bytes.fill(9);
    expect(decodePeerMessage(frame)).toEqual({ ...data, bytes: Uint8Array.of(1, 2, 3) });
  });

  it('with a number that is none is the caller’s mistake, not a frame', () => {
    for (const request of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(() => encodePeerMessage({ type: 'cancel', request })).toThrow(RangeError);
    }
    const packs = [{ id: 'no hash', chunkCount: 1 }];
    expect(() => encodePeerMessage({ type: 'packs', packs })).toThrow(RangeError);
  });
});

describe('bytes from a stranger', () => {
  const frame = peerMessage.map(encodePeerMessage);

  it('are refused with a ProtocolError or are the only spelling of a message', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), onlySpelling), { numRuns: RUNS });
    fc.assert(fc.property(mutated(frame), onlySpelling), { numRuns: RUNS });
  });
});

function onlySpelling(bytes: Uint8Array): void {
  let message: PeerMessage;
  try {
    message = decodePeerMessage(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return;
  }
  expect(Buffer.from(encodePeerMessage(message)).equals(bytes)).toBe(true);
}
