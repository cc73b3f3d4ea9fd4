import { ProtocolError } from './errors.ts';

/**
 * UTF-8 (RFC 3629) in the pure zone, where TextDecoder does not exist. What is not ASCII goes through the language's own
 * URI functions, which reject overlong forms, surrogates and truncated sequences.
 *
 * @throws ProtocolError `bad-text`
 */
export function decodeUtf8(bytes: Uint8Array): string {
  if (bytes.every((byte) => byte < 0x80)) return decodeLatin1(bytes);
  let escaped = '';
  for (const byte of bytes) escaped += `%${byte.toString(16).padStart(2, '0')}`;
  try {
    return decodeURIComponent(escaped);
  } catch (cause) {
    throw new ProtocolError('bad-text', 'not valid UTF-8', { cause });
  }
}

/** Engines limit the number of arguments of a call; 8,192 is below the limit of all of them. */
const MAX_CALL_ARGUMENTS = 8192;

/**
 * One character per byte. What one call makes is a flat string: one built by `+=` is a tree, which costs several times the
 * memory and time when 100,000 paths and hashes become keys of a map.
 */
function decodeLatin1(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += MAX_CALL_ARGUMENTS) {
    // Spreading the bytes into the call takes four times as long.
    text += Reflect.apply(String.fromCharCode, null, bytes.subarray(start, start + MAX_CALL_ARGUMENTS)) as string;
  }
  return text;
}

/** @throws ProtocolError `bad-text` on an unpaired surrogate. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  let escaped: string;
  try {
    escaped = encodeURIComponent(text);
  } catch (cause) {
    throw new ProtocolError('bad-text', 'unpaired surrogate', { cause });
  }
  return Uint8Array.from(escaped.match(/%..|./g) ?? [], (unit) =>
    unit.length === 1 ? unit.charCodeAt(0) : Number.parseInt(unit.slice(1), 16),
  );
}
