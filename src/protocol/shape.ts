import { ProtocolError } from './errors.ts';
import { MAX_LABEL_BYTES } from './limits.ts';
import { encodeUtf8 } from './utf8.ts';

/**
 * Checks for decoders of structured values (parsed JSON, structured clones): each returns the value with its type or
 * throws a ProtocolError. Written out here because page code is counted in KB and this zone imports nothing.
 */

export type Fields = Readonly<Record<string, unknown>>;

export function asFields(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(what, 'an object');
  return value as Fields;
}

/** The object that a JSON text is; the caller has capped its length. */
export function parseFields(text: string, what: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError('bad-text', `${what} is not JSON`, { cause });
  }
  return asFields(value, what);
}

/** At most `maxCharacters` UTF-16 code units: the length of a JavaScript string. */
export function asText(value: unknown, what: string, maxCharacters: number): string {
  if (typeof value !== 'string') throw bad(what, 'a string');
  if (value.length > maxCharacters) throw new ProtocolError('too-large', what);
  return value;
}

/** An app id, channel or version label: Unicode that fits into a pointer. */
export function asLabel(value: unknown, what: string): string {
  const text = asText(value, what, MAX_LABEL_BYTES);
  if (encodeUtf8(text).length > MAX_LABEL_BYTES) throw new ProtocolError('too-large', what);
  return text;
}

/** A whole number from 0 to `max`. */
export function asCount(value: unknown, what: string, max: number = Number.MAX_SAFE_INTEGER): number {
  if (!isWhole(value)) throw bad(what, 'a whole number');
  if (value > max) throw new ProtocolError('too-large', what);
  // JSON and structured clones can say -0, which prints as 0 but is another value to `Object.is`.
  return value + 0;
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function asFlag(value: unknown, what: string): boolean {
  if (typeof value !== 'boolean') throw bad(what, 'true or false');
  return value;
}

export function asList<T>(value: unknown, what: string, maxItems: number, item: (value: unknown) => T): T[] {
  if (!Array.isArray(value)) throw bad(what, 'a list');
  if (value.length > maxItems) throw new ProtocolError('too-large', what);
  // Unlike `map`, `from` visits the holes of a sparse array, which structured clones keep.
  return Array.from(value, item);
}

export function asOneOf<T extends string>(value: unknown, what: string, allowed: readonly T[]): T {
  if (!allowed.includes(value as T)) throw bad(what, 'one of those allowed');
  return value as T;
}

export function asBuffer(value: unknown, what: string, maxBytes: number): ArrayBuffer {
  if (!(value instanceof ArrayBuffer)) throw bad(what, 'an ArrayBuffer');
  if (value.byteLength > maxBytes) throw new ProtocolError('too-large', what);
  return value;
}

/** Checks with a predicate such as `isSha256`. */
export function asA<T>(value: unknown, what: string, is: (value: unknown) => value is T): T {
  if (!is(value)) throw bad(what, 'valid');
  return value;
}

function bad(what: string, expected: string): ProtocolError {
  return new ProtocolError('bad-value', `${what} is not ${expected}`);
}
