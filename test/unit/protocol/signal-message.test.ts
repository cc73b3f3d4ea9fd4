import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ProtocolError } from '../../../src/protocol/errors.ts';
import { decodeClientSignalMessage, decodeServerSignalMessage } from '../../../src/protocol/signal-message.ts';
import { clientSignalMessage, serverSignalMessage } from './arbitraries.ts';
import { PROPERTY_TIMEOUT_MS } from './property-timeout.ts';
import { readVectors, refusal } from './vectors.ts';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

type Parts = readonly (readonly [text: string, times: number])[];

interface Direction {
  readonly valid: readonly { readonly name: string; readonly text: string; readonly value: unknown }[];
  readonly lenient: readonly { readonly name: string; readonly text: string; readonly value: unknown }[];
  readonly invalid: readonly { readonly name: string; readonly text: string | Parts; readonly error: string }[];
}

const RUNS = 2000;
const vectors = readVectors('signal-message.json') as { client: Direction; server: Direction };

describe.each([
  { side: 'client', decode: decodeClientSignalMessage, vector: vectors.client, arbitrary: clientSignalMessage },
  { side: 'server', decode: decodeServerSignalMessage, vector: vectors.server, arbitrary: serverSignalMessage },
])('signaling message of the $side', ({ decode, vector, arbitrary }) => {
  it.each(vector.valid)('reads and writes: $name', ({ text, value }) => {
    expect(decode(text)).toEqual(value);
    expect(JSON.stringify(decode(text))).toBe(text);
  });

  it.each(vector.invalid)('refuses: $name', ({ text, error }) => {
    expect(refusal(() => decode(whole(text)))).toBe(error);
  });

  it('is the same after a trip as JSON', () => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<unknown>, (message) => {
        expect(decode(JSON.stringify(message))).toEqual(message);
      }),
    );
  });

  it('of any JSON value, and of valid ones with a part replaced, is refused with a ProtocolError or read', () => {
    const spoiled = fc
      .tuple(arbitrary as fc.Arbitrary<object>, fc.nat(), fc.jsonValue())
      .map(([message, at, value]) => replaceField(message, at, value));
    const survives = (value: unknown) => onlyProtocolErrors(() => decode(JSON.stringify(value)));
    fc.assert(fc.property(fc.jsonValue(), survives), { numRuns: RUNS });
    fc.assert(fc.property(spoiled, survives), { numRuns: RUNS });
  });

  it('of any text, and of valid ones cut or changed, is refused with a ProtocolError or read', () => {
    const cut = fc
      .tuple(arbitrary as fc.Arbitrary<unknown>, fc.nat(), fc.string({ unit: 'binary', maxLength: 3 }))
      .map(([message, at, inserted]) => {
        const text = JSON.stringify(message);
        const start = at % text.length;
        return text.slice(0, start) + inserted + text.slice(start + 1);
      });
    const survives = (text: string) => onlyProtocolErrors(() => decode(text));
    fc.assert(fc.property(fc.string({ unit: 'binary' }), survives), { numRuns: RUNS });
    fc.assert(fc.property(cut, survives), { numRuns: RUNS });
  });
});

describe('a signaling message', () => {
  it.each(vectors.client.lenient)('is read although it is spelt otherwise: $name', ({ text, value }) => {
    const message = decodeClientSignalMessage(text);
    expect(message).toStrictEqual(value);
    expect(Object.getPrototypeOf(message)).toBe(Object.prototype);
  });

  it('of brackets alone, as many as fit, does not overflow the stack', () => {
    expect(refusal(() => decodeClientSignalMessage('['.repeat(16_384)))).toBe('bad-text');
    expect(refusal(() => decodeClientSignalMessage('['.repeat(8192) + ']'.repeat(8192)))).toBe('bad-value');
  });
});

function whole(text: string | Parts): string {
  return typeof text === 'string' ? text : text.map(([part, times]) => part.repeat(times)).join('');
}

/** The message with one of its fields, or of its description's fields, replaced. */
function replaceField(message: object, at: number, value: unknown): object {
  const names = Object.keys(message);
  const name = names[at % names.length] ?? 'type';
  const field = (message as Record<string, unknown>)[name];
  const inner = typeof field === 'object' && field !== null && !Array.isArray(field) && at % 3 !== 0;
  return { ...message, [name]: inner ? replaceField(field, at >> 2, value) : value };
}

function onlyProtocolErrors(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
  }
}
