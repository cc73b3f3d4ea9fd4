import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ByteReader, ByteWriter } from '../../../src/protocol/bytes.ts';
import { ProtocolError } from '../../../src/protocol/errors.ts';
import * as limits from '../../../src/protocol/limits.ts';
import {
  chunksOfFile,
  decodeManifest,
  encodeManifest,
  type Manifest,
  packBytes,
} from '../../../src/protocol/manifest.ts';
import { manifest } from './arbitraries.ts';
import { mutated } from './mutation.ts';
import { PROPERTY_TIMEOUT_MS } from './property-timeout.ts';
import { type BytesVectors, bytesOf, readVectors, refusal } from './vectors.ts';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

const RUNS = 1000;
const vectors = readVectors('manifest.json') as BytesVectors;

describe('manifest vectors', () => {
  it.each(vectors.valid)('reads and writes: $name', ({ layout, value }) => {
    expect(decodeManifest(bytesOf(layout))).toEqual(value);
    expect(encodeManifest(value as Manifest)).toEqual(bytesOf(layout));
  });

  it.each(vectors.invalid)('refuses: $name', ({ layout, error }) => {
    expect(refusal(() => decodeManifest(bytesOf(layout)))).toBe(error);
  });
});

describe('any manifest', () => {
  it('is the same after it was written and read', () => {
    fc.assert(
      fc.property(manifest, (value) => {
        expect(decodeManifest(encodeManifest(value))).toEqual(value);
      }),
    );
  });

  it('names for each file as many bytes as the file has', () => {
    fc.assert(
      fc.property(manifest, (value) => {
        for (const file of value.files) {
          const sum = chunksOfFile(value, file).reduce((bytes, chunk) => bytes + chunk.plainBytes, 0);
          expect(sum).toBe(file.plainBytes);
        }
      }),
    );
  });

  it('is refused by its encoder when a client would refuse it', () => {
    const empty = vectors.valid[1]?.value as Manifest;
    expect(refusal(() => encodeManifest({ ...empty, app: 'a'.repeat(129) }))).toBe('too-large');
    expect(refusal(() => encodeManifest({ ...empty, version: '\ud800' }))).toBe('bad-text');
    expect(refusal(() => encodeManifest({ ...empty, headerSets: [[['X', '']]] }))).toBe('bad-value');
    const chunking = { ...empty.chunking, maximumBytes: limits.MAX_CHUNK_BYTES + 1 };
    expect(refusal(() => encodeManifest({ ...empty, chunking }))).toBe('too-large');
  });
});

describe('bytes that claim to be a manifest', () => {
  it('are refused with a ProtocolError or are the only spelling of one', () => {
    const start = bytesOf(vectors.valid[0]?.layout ?? []).subarray(0, 5);
    const withHead = fc.uint8Array({ maxLength: 300 }).map((bytes) => Uint8Array.from([...start, ...bytes]));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), onlySpelling), { numRuns: RUNS });
    fc.assert(fc.property(withHead, onlySpelling), { numRuns: RUNS });
    fc.assert(fc.property(mutated(manifest.map(encodeManifest)), onlySpelling), { numRuns: RUNS });
  });

  it('cannot name many chunks with few bytes', () => {
    const chunks = limits.MAX_CHUNKS_PER_PACK;
    const runsAtLimit = limits.MAX_CHUNK_REFERENCES / chunks;
    expect(decodeManifest(repeatingRuns(runsAtLimit)).files[0]?.plainBytes).toBe(limits.MAX_CHUNK_REFERENCES);
    expect(refusal(() => decodeManifest(repeatingRuns(runsAtLimit + 1)))).toBe('too-large');
  });

  it('may name the largest pack that there can be, and no larger one', () => {
    const full = limits.MAX_PACK_BYTES / limits.MAX_CHUNK_BYTES;
    const pack = decodeManifest(packOf(full)).packs[0];
    expect(pack && packBytes(pack)).toBe(limits.MAX_PACK_BYTES);
    expect(refusal(() => decodeManifest(packOf(full + 1)))).toBe('too-large');
  });

  it('are not read at all above the limit', () => {
    expect(refusal(() => decodeManifest(new Uint8Array(limits.MAX_MANIFEST_BYTES + 1)))).toBe('too-large');
  });
});

/** A pack of 16,384 one-byte chunks, and a file that is that pack over and over. */
function repeatingRuns(runs: number): Uint8Array {
  const writer = head().varint(1).bytes(new Uint8Array(32)).varint(limits.MAX_CHUNKS_PER_PACK);
  for (let chunk = 0; chunk < limits.MAX_CHUNKS_PER_PACK; chunk += 1) writer.bytes(new Uint8Array(32)).u8(0).varint(1);
  writer.varint(1).varint(0);
  writer
    .varint(1)
    .text('file')
    .varint(runs * limits.MAX_CHUNKS_PER_PACK);
  writer.bytes(new Uint8Array(32)).text('').varint(0).varint(runs);
  for (let run = 0; run < runs; run += 1) writer.varint(0).varint(0).varint(limits.MAX_CHUNKS_PER_PACK);
  return writer.finish();
}

function packOf(chunks: number): Uint8Array {
  const writer = head().varint(1).bytes(new Uint8Array(32)).varint(chunks);
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    writer.bytes(new Uint8Array(32)).u8(1).varint(1).varint(limits.MAX_ENCODED_CHUNK_BYTES);
  }
  return writer.varint(0).varint(0).finish();
}

/** Everything before the packs, taken from the vector of a release of nothing. */
function head(): ByteWriter {
  const bytes = bytesOf(vectors.valid[1]?.layout ?? []);
  const counts = 3;
  return new ByteWriter().bytes(new ByteReader(bytes).bytes(bytes.length - counts));
}

function onlySpelling(bytes: Uint8Array): void {
  let value: Manifest;
  try {
    value = decodeManifest(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return;
  }
  expect(Buffer.from(encodeManifest(value)).equals(bytes)).toBe(true);
}
