import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { toHex } from '../../../src/protocol/hash-bytes.ts';
import * as limits from '../../../src/protocol/limits.ts';
import { PROTOCOL_VERSION } from '../../../src/protocol/version.ts';
import { bytesOf, type Layout, readVectors } from './vectors.ts';

/**
 * The wire of each version: a digest of all vectors and limits. When the test below fails, something on the wire has
 * changed, or is now pinned by one more vector. Decide:
 *
 * - Both old and new programs still understand each other (a vector was added, a limit of ours alone was moved): write
 *   the new digest into the row of the current version.
 * - They do not: raise PROTOCOL_VERSION, describe it in its history, and add a row.
 */
const DIGEST_OF_VERSION: Readonly<Record<number, string>> = {
  1: '4680ed9c4df455cc18f0a7cd783ac04220c046ed41891e999b0d113f0107652a',
};

it('has not changed without a decision about PROTOCOL_VERSION', () => {
  expect(createHash('sha256').update(canonicalWire()).digest('hex')).toBe(DIGEST_OF_VERSION[PROTOCOL_VERSION]);
});

it('has a row for every version up to the current one', () => {
  const versions = Array.from({ length: PROTOCOL_VERSION }, (_, index) => String(index + 1));
  expect(Object.keys(DIGEST_OF_VERSION)).toEqual(versions);
});

/** Everything but names and explanations, in an order that does not depend on how the files are written. */
function canonicalWire(): string {
  const files = readdirSync(join(import.meta.dirname, '../../vectors')).sort();
  const vectors = files.map((name) => [name, readVectors(name)]);
  return JSON.stringify([{ ...limits }, vectors], withoutWords);
}

function withoutWords(_name: string, value: unknown): unknown {
  if (Array.isArray(value) || typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([name]) => name !== 'about' && name !== 'name');
  return Object.fromEntries(
    fields
      .map(([name, field]) => [name, name === 'layout' ? toHex(bytesOf(field as Layout)) : (field as unknown)] as const)
      .sort(([one], [two]) => (one < two ? -1 : 1)),
  );
}
