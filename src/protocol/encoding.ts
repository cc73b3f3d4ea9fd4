import { ProtocolError } from './errors.ts';

/** How a chunk's bytes are written in a pack, on the wire and in a store. */
export type Encoding = 'identity' | 'deflate-raw';

/** Tags on the wire and in manifests; 2–15 are reserved for dictionaries and zstd. */
const TAG_OF_ENCODING = { identity: 0, 'deflate-raw': 1 } as const satisfies Record<Encoding, number>;
/** In the order of their tags. */
export const ENCODINGS: readonly Encoding[] = ['identity', 'deflate-raw'];

export function encodingTag(encoding: Encoding): number {
  return TAG_OF_ENCODING[encoding];
}

/** @throws ProtocolError `bad-value` on a tag that this version does not know. */
export function encodingOfTag(tag: number): Encoding {
  const encoding = ENCODINGS[tag];
  if (encoding === undefined) throw new ProtocolError('bad-value', `unknown encoding tag ${tag}`);
  return encoding;
}
