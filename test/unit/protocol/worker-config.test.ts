import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ProtocolError } from '../../../src/protocol/errors.ts';
import { decodeWorkerConfig, WORKER_CONFIG_PREFIX } from '../../../src/protocol/worker-config.ts';
import { workerConfig } from './arbitraries.ts';
import { PROPERTY_TIMEOUT_MS } from './property-timeout.ts';
import { readVectors, refusal } from './vectors.ts';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

const vectors = readVectors('worker-config.json') as {
  readonly valid: readonly { readonly name: string; readonly line: string; readonly value: unknown }[];
  readonly invalid: readonly { readonly name: string; readonly value: unknown; readonly error: string }[];
};

describe('worker config vectors', () => {
  it.each(vectors.valid)('read and write: $name', ({ line, value }) => {
    const json = line.slice(WORKER_CONFIG_PREFIX.length, -1);
    expect(`${WORKER_CONFIG_PREFIX}${json};`).toBe(line);
    expect(decodeWorkerConfig(JSON.parse(json))).toEqual(value);
    expect(JSON.stringify(decodeWorkerConfig(JSON.parse(json)))).toBe(json);
  });

  it.each(vectors.invalid)('refuse: $name', ({ value, error }) => {
    expect(refusal(() => decodeWorkerConfig(value))).toBe(error);
  });
});

describe('any worker config', () => {
  it('is the same after a trip as JSON', () => {
    fc.assert(
      fc.property(workerConfig, (config) => {
        expect(decodeWorkerConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
      }),
    );
  });

  it('with half a surrogate pair in a label is refused: no pointer could name it', () => {
    const config = { app: '\ud800', channel: '', keys: [], development: false };
    expect(refusal(() => decodeWorkerConfig(config))).toBe('bad-text');
  });

  it('of any value is refused with a ProtocolError or read', () => {
    const close = fc.record({
      app: fc.anything(),
      channel: fc.string(),
      keys: fc.anything(),
      development: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.oneof(fc.anything(), close), (value) => {
        try {
          decodeWorkerConfig(value);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });
});
