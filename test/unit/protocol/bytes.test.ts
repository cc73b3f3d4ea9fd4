import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ByteReader, ByteWriter } from '../../../src/protocol/bytes.ts';
import { fromHex, toHex } from '../../../src/protocol/hash-bytes.ts';
import { decodeUtf8, encodeUtf8 } from '../../../src/protocol/utf8.ts';
import { PROPERTY_TIMEOUT_MS } from './property-timeout.ts';
import { refusal } from './vectors.ts';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

const platformEncoder = new TextEncoder();
/** As strict as ours: no replacement characters, and a byte order mark is a character like any other. */
const platformDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

describe('a varint', () => {
  it.each([
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
    [300, 'ac02'],
    [2 ** 32, '8080808010'],
    [2 ** 53 - 1, 'ffffffffffffff0f'],
  ])('of %d is %s', (value, hex) => {
    expect(toHex(new ByteWriter().varint(value).finish())).toBe(hex);
    expect(new ByteReader(fromHex(hex)).varint()).toBe(value);
  });

  it('of any safe integer is the same after a trip', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const reader = new ByteReader(new ByteWriter().varint(value).finish());
        expect(reader.varint()).toBe(value);
        reader.end();
      }),
    );
  });

  it('above the caller’s maximum is too large, also where the bytes end early', () => {
    expect(refusal(() => new ByteReader(fromHex('05')).varint(4))).toBe('too-large');
    expect(refusal(() => new ByteReader(fromHex('ffffffffffffff0f')).text(100))).toBe('too-large');
    expect(refusal(() => new ByteReader(fromHex('8001')).text(1000))).toBe('truncated');
  });
});

describe('a u32', () => {
  it.each([0, 1, 0x7fffffff, 0x80000000, 0xffffffff])('of %d is the same after a trip', (value) => {
    expect(new ByteReader(new ByteWriter().u32(value).finish()).u32()).toBe(value);
  });
});

describe('a writer', () => {
  it('grows from nothing', () => {
    const bytes = new ByteWriter(0).u8(1).u32(2).bytes(new Uint8Array(1000)).finish();
    expect(bytes.length).toBe(1005);
    expect(toHex(bytes.subarray(0, 5))).toBe('0100000002');
  });
});

describe('UTF-8', () => {
  it('is written and read as the platform does it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(encodeUtf8(text)).toEqual(platformEncoder.encode(text));
        expect(decodeUtf8(encodeUtf8(text))).toBe(text);
      }),
    );
  });

  it('is refused exactly where the platform refuses it', () => {
    const nearText = fc
      .tuple(fc.string({ unit: 'binary', maxLength: 20 }), fc.uint8Array({ maxLength: 4 }), fc.nat({ max: 20 }))
      .map(([text, bytes, at]) => {
        const encoded = platformEncoder.encode(text);
        return Uint8Array.from([...encoded.subarray(0, at), ...bytes, ...encoded.subarray(at)]);
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 8 }), nearText), (bytes) => {
        const expected = platformText(bytes);
        if (expected === undefined) expect(refusal(() => decodeUtf8(bytes))).toBe('bad-text');
        else expect(decodeUtf8(bytes)).toBe(expected);
      }),
      { numRuns: 3000 },
    );
  });

  it.each(['100%', '%41', '%', '%zz é', '\ufeffBOM', 'é%F0', ''])('keeps %j as it is', (text) => {
    expect(decodeUtf8(platformEncoder.encode(text))).toBe(text);
  });

  it('of a long text is read in pieces', () => {
    const text = 'ab%'.repeat(100_000);
    expect(decodeUtf8(platformEncoder.encode(text))).toBe(text);
  });

  it('has no unpaired surrogate', () => {
    for (const text of ['\ud800', 'a\udc00', '\udc00\ud800', '\ud800a']) {
      expect(refusal(() => encodeUtf8(text))).toBe('bad-text');
    }
  });
});

describe('hex', () => {
  it('is the same after a trip', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'));
        expect(fromHex(toHex(bytes))).toEqual(bytes);
      }),
    );
  });

  it.each(['0', '0g', ' 00', '0x00', '00\n'])('is not %j', (text) => {
    expect(refusal(() => fromHex(text))).toBe('bad-value');
  });
});

function platformText(bytes: Uint8Array): string | undefined {
  try {
    return platformDecoder.decode(bytes);
  } catch {
    // Not UTF-8: that is the answer.
    return undefined;
  }
}
