import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ProtocolError } from '../../../src/protocol/errors.ts';
import { MAX_POINTER_BYTES } from '../../../src/protocol/limits.ts';
import { decodePointer, encodePointer, pointerBytesToSign, type SignedPointer } from '../../../src/protocol/pointer.ts';
import { pointer, pointerSignatures } from './arbitraries.ts';
import { mutated } from './mutation.ts';
import { PROPERTY_TIMEOUT_MS } from './property-timeout.ts';
import { type BytesVectors, bytesOf, readVectors, refusal, revive } from './vectors.ts';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

const RUNS = 2000;
const vectors = readVectors('pointer.json') as BytesVectors;
const asSigned = (value: unknown) => revive(value, (bytes) => bytes) as SignedPointer;

describe('pointer vectors', () => {
  it.each(vectors.valid)('reads and writes: $name', ({ layout, value }) => {
    const signed = asSigned(value);
    expect(decodePointer(bytesOf(layout))).toEqual(signed);
    expect(encodePointer(signed.pointer, signed.signatures)).toEqual(bytesOf(layout));
    expect(pointerBytesToSign(signed.pointer)).toEqual(signed.signedBytes);
  });

  it.each(vectors.invalid)('refuses: $name', ({ layout, error }) => {
    expect(refusal(() => decodePointer(bytesOf(layout)))).toBe(error);
  });
});

describe('any pointer', () => {
  it('is the same after it was written and read, and so are the bytes that were signed', () => {
    fc.assert(
      fc.property(pointer, pointerSignatures, (value, signatures) => {
        const decoded = decodePointer(encodePointer(value, signatures));
        expect(decoded).toEqual({ pointer: value, signatures, signedBytes: pointerBytesToSign(value) });
      }),
    );
  });

  it('is at most 1,000 bytes long, with the longest labels and four signatures too', () => {
    const highest = asSigned(vectors.valid.at(-1)?.value);
    const signatures = Array.from({ length: 4 }, () => ({ key: 'ff'.repeat(8), signature: new Uint8Array(64) }));
    const longest = { ...highest.pointer, app: 'a'.repeat(128), channel: 'b'.repeat(128) };
    expect(encodePointer(longest, signatures).length).toBeLessThanOrEqual(MAX_POINTER_BYTES);
  });

  it('is refused by its encoder when a client would refuse it', () => {
    const { pointer: value } = asSigned(vectors.valid[0]?.value);
    expect(refusal(() => encodePointer({ ...value, app: 'a'.repeat(129) }, []))).toBe('too-large');
    expect(refusal(() => encodePointer({ ...value, expires: 0 }, []))).toBe('bad-value');
    const short = [{ key: 'ff'.repeat(8), signature: new Uint8Array(63) }];
    expect(refusal(() => encodePointer(value, short))).toBe('truncated');
  });
});

describe('bytes that claim to be a pointer', () => {
  it('are refused with a ProtocolError or are the only spelling of one', () => {
    const start = bytesOf(vectors.valid[0]?.layout ?? []).subarray(0, 5);
    const withHead = fc.uint8Array({ maxLength: 300 }).map((bytes) => Uint8Array.from([...start, ...bytes]));
    const valid = fc.tuple(pointer, pointerSignatures).map(([value, signatures]) => encodePointer(value, signatures));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), onlySpelling), { numRuns: RUNS });
    fc.assert(fc.property(withHead, onlySpelling), { numRuns: RUNS });
    fc.assert(fc.property(mutated(valid), onlySpelling), { numRuns: RUNS });
  });
});

function onlySpelling(bytes: Uint8Array): void {
  let value: SignedPointer;
  try {
    value = decodePointer(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return;
  }
  expect(Buffer.from(encodePointer(value.pointer, value.signatures)).equals(bytes)).toBe(true);
}
