import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { ProtocolError } from '../../../src/protocol/errors.ts';
import { fromHex } from '../../../src/protocol/hash-bytes.ts';

/** Bytes in hex, what they mean, and how often they repeat (once when it is left out). */
export type Layout = readonly (readonly [hex: string, meaning: string, times?: number])[];

interface ValidBytes {
  readonly name: string;
  readonly layout: Layout;
  readonly value: unknown;
}

interface InvalidBytes {
  readonly name: string;
  readonly layout: Layout;
  readonly error: string;
}

export interface BytesVectors {
  readonly valid: readonly ValidBytes[];
  readonly invalid: readonly InvalidBytes[];
}

const FOLDER = join(import.meta.dirname, '../../vectors');

/** The content of a file in test/vectors, as it is written there. */
export function readVectors(name: string): unknown {
  return JSON.parse(readFileSync(join(FOLDER, name), 'utf8'));
}

export function bytesOf(layout: Layout): Uint8Array<ArrayBuffer> {
  return fromHex(layout.map(([hex, , times]) => hex.repeat(times ?? 1)).join(''));
}

/** Replaces `{"$bytes": hex}`, `{"$text": text}` and `{"$list": item}`, each with an optional `times`. */
export function revive(value: unknown, makeBytes: (bytes: Uint8Array<ArrayBuffer>) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => revive(item, makeBytes));
  if (typeof value !== 'object' || value === null) return value;
  const { $bytes, $text, $list, times = 1 } = value as Record<string, unknown>;
  if (typeof $bytes === 'string') return makeBytes(fromHex($bytes.repeat(times as number)));
  if (typeof $text === 'string') return $text.repeat(times as number);
  if ($list !== undefined) return Array.from({ length: times as number }, () => revive($list, makeBytes));
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, revive(field, makeBytes)]));
}

/** The code of the ProtocolError that `run` throws; fails the test when it throws anything else or nothing. */
export function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
  expect.unreachable('it was accepted');
}
