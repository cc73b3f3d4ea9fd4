/** What a `Range` header (RFC 9110, 14.2) asks for. Positions are inclusive. */
export type RangeAnswer =
  /** No range, or one that a server may ignore: the whole file is the answer. */
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly first: number; readonly last: number }
  | { readonly kind: 'none' };

const SINGLE_RANGE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;
const WHOLE: RangeAnswer = { kind: 'whole' };

/**
 * @param ifRange value of `If-Range`: the range counts only if the file is still the one that the client has part of.
 * @param etag the file's strong entity tag, with its quotes.
 */
export function answerRange(
  range: string | null,
  ifRange: string | null,
  file: { readonly bytes: number; readonly etag: string },
): RangeAnswer {
  if (range === null || (ifRange !== null && ifRange !== file.etag)) return WHOLE;
  // Several ranges would need a multipart body, which no browser's media or download code asks for.
  const match = SINGLE_RANGE.exec(range);
  if (match === null) return WHOLE;
  const [, from = '', to = ''] = match;
  if (from === '') return to === '' ? WHOLE : answerSuffix(Number(to), file.bytes);
  const first = Number(from);
  const last = to === '' ? Number.POSITIVE_INFINITY : Number(to);
  if (last < first) return WHOLE;
  if (first >= file.bytes) return { kind: 'none' };
  return { kind: 'part', first, last: Math.min(last, file.bytes - 1) };
}

function answerSuffix(suffixBytes: number, fileBytes: number): RangeAnswer {
  if (suffixBytes === 0) return { kind: 'none' };
  if (fileBytes === 0) return WHOLE;
  return { kind: 'part', first: Math.max(0, fileBytes - suffixBytes), last: fileBytes - 1 };
}
