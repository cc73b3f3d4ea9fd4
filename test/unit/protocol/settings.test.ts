import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/protocol/errors.ts';
import {
  CONSENT_RULES,
  DEFAULT_SETTINGS,
  decodeSettings,
  encodeSettings,
  MAX_ORIGIN_DELAY_MS,
  MIN_UPLOAD_BYTES_PER_SECOND,
  UPDATE_POLICIES,
  workerSettings,
} from '../../../src/protocol/settings.ts';
import { readVectors, refusal, revive } from './vectors.ts';

interface SettingsVectors {
  readonly valid: readonly { readonly name: string; readonly text: string; readonly value: object }[];
  readonly invalid: readonly { readonly name: string; readonly text: string; readonly error: string }[];
}

const vectors = revive(readVectors('settings.json'), (bytes) => bytes) as SettingsVectors;

/** JSON has no `undefined`: the vectors say `null`. */
function withoutNull(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, (field as unknown) ?? undefined]));
}

const place = fc.oneof(
  fc.record({ mode: fc.constantFrom('off', 'site', 'internet'), group: fc.constant(undefined) }),
  fc.record({ mode: fc.constant('group'), group: fc.string({ unit: 'binary', minLength: 1, maxLength: 32 }) }),
);
const settings = fc
  .tuple(
    place,
    fc.record({
      signal: fc.string({ unit: 'binary', maxLength: 1000 }),
      consent: fc.constantFrom(...CONSENT_RULES),
      updates: fc.constantFrom(...UPDATE_POLICIES),
      lazyAboveBytes: fc.option(fc.nat(), { nil: undefined }),
      lazy: fc.array(fc.string({ unit: 'binary', maxLength: 50 }), { maxLength: 5 }),
      fallback: fc.option(fc.tuple(fc.constant('index.html'), fc.string({ unit: 'binary', maxLength: 50 })), {
        nil: undefined,
      }),
      originDelayMs: fc.option(fc.nat(MAX_ORIGIN_DELAY_MS), { nil: undefined }),
      minPeerBytesPerSecond: fc.option(fc.nat(), { nil: undefined }),
      minFileBytes: fc.option(fc.nat(), { nil: undefined }),
      uploadBytesPerSecond: fc.option(fc.integer({ min: MIN_UPLOAD_BYTES_PER_SECOND }), { nil: undefined }),
    }),
  )
  .map(([first, rest]) => ({ ...first, ...rest }));

describe('settings', () => {
  it.each(vectors.valid)('are read: $name', ({ text, value }) => {
    expect(decodeSettings(text)).toEqual(withoutNull({ updates: 'prompt', lazy: [], ...value }));
  });

  it.each(vectors.invalid)('are refused: $name', ({ text, error }) => {
    expect(refusal(() => decodeSettings(text))).toBe(error);
  });

  it('are the same after they were written and read', () => {
    fc.assert(
      fc.property(settings, (value) => {
        expect(decodeSettings(encodeSettings(value))).toEqual(value);
      }),
    );
  });

  it('are refused by their encoder when a client would refuse them', () => {
    expect(refusal(() => encodeSettings({ ...DEFAULT_SETTINGS, mode: 'group' }))).toBe('bad-value');
    expect(refusal(() => encodeSettings({ ...DEFAULT_SETTINGS, signal: 'x'.repeat(1025) }))).toBe('too-large');
  });

  it('of any text are a value or a ProtocolError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        try {
          decodeSettings(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });

  it('tell a worker whether there may be peers, and its fallback, as the whole decoder would', () => {
    fc.assert(
      fc.property(settings, (value) => {
        const { mode, fallback } = value;
        const seen = workerSettings(encodeSettings(value));
        expect([seen.mode, seen.fallback]).toEqual([mode, fallback]);
      }),
    );
    for (const text of ['', 'null', '{"mode":']) expect(() => workerSettings(text).mode).toThrow();
    expect(workerSettings('{"later":{"mode":"off"}}').mode).not.toBe('off');
  });
});
