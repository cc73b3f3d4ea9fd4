import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLzma } from '../../../src/protocol/lzma-decoder.ts';
import { encodeLzma } from '../../../src/publisher/lzma-encoder.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { testSeed } from '../../fakes/test-seed.ts';

function roundTrip(dictionary: Uint8Array, text: Uint8Array): number {
  const window = Buffer.concat([dictionary, text]);
  const patch = encodeLzma(window, dictionary.length);
  const made = new Uint8Array(window.length);
  made.set(dictionary);
  for (const _ of decodeLzma(patch, made, dictionary.length));
  expect(Buffer.compare(made, window)).toBe(0);
  return patch.length;
}

/** Words of a small language, so that there is something to find. */
const word = fc.constantFrom('a', 'ab', 'function ', 'return ', '0', '\n', 'export const ', '{}');
const text = fc.array(word, { maxLength: 300 }).map((words) => Buffer.from(words.join('')));

describe('a patch', () => {
  it('makes of its dictionary the bytes that it was made for', () => {
    fc.assert(
      fc.property(text, text, (dictionary, bytes) => void roundTrip(dictionary, bytes)),
      { numRuns: 100 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => void roundTrip(new Uint8Array(), bytes)),
      { numRuns: 100 },
    );
  });

  it('of what lies far back, and of what lies just before, makes both', () => {
    const random = new SeededRandom(testSeed());
    const far = random.bytes(300_000);
    const changed = Buffer.concat([far.subarray(10, 150_000), Buffer.from('new'), far.subarray(150_001)]);
    expect(roundTrip(far, changed)).toBeLessThan(150);
    expect(roundTrip(new Uint8Array(), new Uint8Array(100_000))).toBeLessThan(80);
    const near = random.bytes(20);
    const repeated = Buffer.concat(Array.from({ length: 500 }, () => near));
    expect(roundTrip(new Uint8Array(), repeated)).toBeLessThan(100);
  });

  it('is the same for the same input', () => {
    const bytes = new SeededRandom(testSeed()).bytes(10_000);
    const window = Buffer.concat([bytes, bytes.map((byte, index) => (index % 97 === 0 ? byte ^ 1 : byte))]);
    expect(encodeLzma(window, bytes.length)).toEqual(encodeLzma(window, bytes.length));
  });
});
