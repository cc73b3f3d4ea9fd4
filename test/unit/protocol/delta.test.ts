import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import {
  decodeDeltaHead,
  decodeDeltaIndex,
  encodeDeltaStart,
  newNames,
  type Patch,
  type PatchEntry,
  plainBytesOf,
} from '../../../src/protocol/delta.ts';
import { ProtocolError } from '../../../src/protocol/errors.ts';
import { fromHex } from '../../../src/protocol/hash-bytes.ts';
import { deltaPath, deltaSource, isDeltaPath, manifestPatchPath } from '../../../src/protocol/layout.ts';
import * as limits from '../../../src/protocol/limits.ts';
import { decodeLzma } from '../../../src/protocol/lzma-decoder.ts';
import { decodeManifest, type Manifest } from '../../../src/protocol/manifest.ts';
import { mutated } from './mutation.ts';
import { PROPERTY_TIMEOUT_MS } from './property-timeout.ts';
import { bytesOf, type Layout, readVectors, refusal } from './vectors.ts';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

interface DeltaVectors {
  readonly lzma: {
    readonly valid: readonly { name: string; dictionary: string; patch: string; text: string }[];
    readonly invalid: readonly { name: string; dictionary: string; patch: string; bytes: number; error: string }[];
  };
  readonly release: {
    readonly held: string;
    readonly next: string;
    readonly names: string;
    readonly layout: Layout;
    readonly entries: readonly PatchEntry[];
    readonly texts: readonly { source: string; target: string }[];
  };
  readonly invalid: readonly { name: string; layout: Layout; error: string }[];
}

const vectors = readVectors('delta.json') as DeltaVectors;
const held = decodeManifest(fromHex(vectors.release.held));
const next = decodeManifest(fromHex(vectors.release.next));
const delta = bytesOf(vectors.release.layout);

function patchesOf(bytes: Uint8Array, from: Manifest = held, to: Manifest = next): Patch[] {
  const { start, end } = decodeDeltaHead(bytes);
  return decodeDeltaIndex(
    bytes.subarray(start, Math.min(end, bytes.length)),
    { end, deltaBytes: bytes.length },
    from,
    to,
  );
}

function applied(dictionary: Uint8Array, patch: Uint8Array, plainBytes: number): Uint8Array {
  const window = new Uint8Array(dictionary.length + plainBytes);
  window.set(dictionary);
  for (const _ of decodeLzma(patch, window, dictionary.length));
  return window.subarray(dictionary.length);
}

describe('patch vectors', () => {
  it.each(vectors.lzma.valid)('makes: $name', ({ dictionary, patch, text }) => {
    expect(Buffer.from(applied(Buffer.from(dictionary), fromHex(patch), text.length)).toString()).toBe(text);
  });

  it.each(vectors.lzma.invalid)('refuses: $name', ({ dictionary, patch, bytes, error }) => {
    expect(refusal(() => applied(Buffer.from(dictionary), fromHex(patch), bytes))).toBe(error);
  });
});

describe('delta vectors', () => {
  it('has the patches that its index names, which make the texts of the new release', () => {
    const names = newNames(held, next);
    expect(Buffer.from(names).toString()).toBe(vectors.release.names);
    const patches = patchesOf(delta);
    expect(patches).toHaveLength(vectors.release.texts.length);
    for (const [index, { target, source, offset, bytes }] of patches.entries()) {
      const texts = vectors.release.texts[index];
      expect([plainBytesOf(source), plainBytesOf(target)]).toEqual([texts?.source.length, texts?.target.length]);
      const dictionary = Buffer.concat([Buffer.from(texts?.source ?? ''), names]);
      const made = applied(dictionary, delta.subarray(offset, offset + bytes), plainBytesOf(target));
      expect(Buffer.from(made).toString()).toBe(texts?.target);
    }
  });

  it('has one beginning for its entries', () => {
    const { end } = decodeDeltaHead(delta);
    expect(encodeDeltaStart(vectors.release.entries)).toEqual(delta.subarray(0, end));
  });

  it.each(vectors.invalid)('refuses: $name', ({ layout, error }) => {
    expect(refusal(() => patchesOf(bytesOf(layout)))).toBe(error);
  });
});

describe('bytes that claim to be a delta', () => {
  it('are refused with a ProtocolError, or name chunks within the limits', () => {
    fc.assert(
      fc.property(mutated(fc.constant(delta)), (bytes) => {
        try {
          for (const { target, source, offset, bytes: length } of patchesOf(bytes)) {
            expect(target.length).toBeGreaterThan(0);
            expect(plainBytesOf(target)).toBeLessThanOrEqual(limits.MAX_PATCH_TARGET_BYTES);
            expect(plainBytesOf(source)).toBeLessThanOrEqual(limits.MAX_PATCH_SOURCE_BYTES);
            expect(offset + length).toBeLessThanOrEqual(bytes.length);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('cannot make more than a patch may make, nor need more than it may need', () => {
    const wide = (bytes: number): Manifest => {
      const chunks = Array.from({ length: Math.ceil(bytes / limits.MAX_CHUNK_BYTES) }, (_, index) => {
        const id = `${bytes.toString(16)}${index.toString(16)}`.padStart(64, '0');
        return {
          id,
          encoding: 'identity' as const,
          plainBytes: limits.MAX_CHUNK_BYTES,
          encodedBytes: limits.MAX_CHUNK_BYTES,
        };
      });
      const file = {
        ...{ path: 'a', plainBytes: bytes, hash: '0'.repeat(64), mediaType: '', headerSet: 0 },
        runs: [{ pack: 0, first: 0, count: chunks.length }],
      };
      return { ...held, packs: [{ id: '0'.repeat(64), chunks }], files: [file] };
    };
    const start = (count: number, sources: number): Uint8Array => {
      const source = sources === 0 ? undefined : { file: 0, first: 0, count: sources };
      return encodeDeltaStart([{ skipped: 0, count, source, bytes: 0 }]);
    };
    const [targets, sources] = [limits.MAX_PATCH_TARGET_BYTES, limits.MAX_PATCH_SOURCE_BYTES].map(
      (bytes) => bytes / limits.MAX_CHUNK_BYTES,
    ) as [number, number];
    const [from, to] = [wide(2 * limits.MAX_PATCH_SOURCE_BYTES), wide(3 * limits.MAX_PATCH_SOURCE_BYTES)];
    expect(patchesOf(start(targets, sources), from, to)).toHaveLength(1);
    expect(refusal(() => patchesOf(start(targets + 1, 0), from, to))).toBe('too-large');
    expect(refusal(() => patchesOf(start(1, sources + 1), from, to))).toBe('too-large');
  });

  it('as patches fill what was declared or are refused, within a bounded number of steps, and touch nothing else', () => {
    const patches = vectors.lzma.valid.map(({ patch }) => fromHex(patch));
    const dictionary = Buffer.from(vectors.release.texts[0]?.source ?? '');
    const plainBytes = 20_000;
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), mutated(fc.constantFrom(...patches))), (bytes) => {
        const window = new Uint8Array(dictionary.length + plainBytes);
        window.set(dictionary);
        let steps = 0;
        try {
          for (const _ of decodeLzma(bytes, window, dictionary.length)) steps += 1;
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
        expect(steps).toBeLessThanOrEqual(2);
        expect(Buffer.compare(window.subarray(0, dictionary.length), dictionary)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the names of deltas', () => {
  const [from, to] = ['a'.repeat(64), 'b'.repeat(64)];

  it('say from which release they start', () => {
    expect(deltaSource(deltaPath(from, to))).toBe(from);
    expect(isDeltaPath(deltaPath(from, to))).toBe(true);
    expect(deltaSource('tabseed/delta-x.bin')).toBeUndefined();
    expect(deltaSource('app.js')).toBeUndefined();
    expect(manifestPatchPath(to, from)).toBe(`tabseed/manifest-${to}-from-${from}.bin`);
  });

  it('are no names that patches may copy', () => {
    const file = { ...(next.files[0] as Manifest['files'][number]), path: deltaPath(from, to) };
    expect(newNames(held, { ...next, files: [...next.files, file] })).toEqual(newNames(held, next));
  });

  it('stop before the limit, at the end of a name', () => {
    const files = Array.from({ length: 3000 }, (_, index) => ({
      ...(next.files[0] as Manifest['files'][number]),
      path: `assets/${String(index).padStart(30, '0')}.js`,
    }));
    const names = Buffer.from(newNames(held, { ...next, files })).toString();
    expect(names.length).toBeLessThanOrEqual(limits.MAX_PATCH_NAMES_BYTES);
    expect(names.length).toBeGreaterThan(limits.MAX_PATCH_NAMES_BYTES - 41);
    expect(names.endsWith('.js\n')).toBe(true);
  });
});
