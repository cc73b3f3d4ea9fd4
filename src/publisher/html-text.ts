/**
 * The little of HTML that the publisher reads. Text is the file's bytes as Latin-1, one character a byte: what is not
 * touched comes out as it went in, whatever its charset. Positions fit the original, since what is ignored is blanked.
 */

const ATTRIBUTES = `(?:"[^"]*"|'[^']*'|[^>"'])*`;
const PROLOGUE_PART = new RegExp(
  `\\xef\\xbb\\xbf|\\s+|<!--[\\s\\S]*?-->|<![^>]*>|<\\?[^>]*>|<html(?=[\\s/>])${ATTRIBUTES}>`,
  'iy',
);
const HEAD_TAG = new RegExp(`<head(?=[\\s/>])${ATTRIBUTES}>`, 'iy');

/** The same text with comments and the insides of scripts, styles and templates made of spaces. */
export function withoutInert(html: string): string {
  return html.replace(
    /<!--[\s\S]*?(?:-->|$)|(<(script|style|template|noscript|title|textarea)\b(?:"[^"]*"|'[^']*'|[^>"'])*>)([\s\S]*?)(?=<\/\2|$)/gi,
    (all: string, open: string | undefined) => (open ?? '') + ' '.repeat(all.length - (open ?? '').length),
  );
}

/** Where the head's content begins: after `<head>`, or where a parser would put that tag itself. */
export function headStart(html: string): number {
  let position = 0;
  for (;;) {
    HEAD_TAG.lastIndex = position;
    const head = HEAD_TAG.exec(html);
    if (head !== null) return position + head[0].length;
    PROLOGUE_PART.lastIndex = position;
    const part = PROLOGUE_PART.exec(html);
    if (part === null) return position;
    position += part[0].length;
  }
}

export interface Tag {
  readonly end: number;
  readonly attributes: ReadonlyMap<string, string>;
}

/** Opening tags of one name, in order; give it the result of `withoutInert`. */
export function tagsOf(html: string, name: string): Tag[] {
  const tags: Tag[] = [];
  for (const match of html.matchAll(new RegExp(`<${name}(?=[\\s/>])(${ATTRIBUTES})>`, 'gi'))) {
    tags.push({ end: match.index + match[0].length, attributes: attributesOf(match[1] ?? '') });
  }
  return tags;
}

function attributesOf(text: string): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const [, name, double, single, bare] of text.matchAll(
    /([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g,
  )) {
    if (name === undefined || attributes.has(name.toLowerCase())) continue;
    attributes.set(name.toLowerCase(), decodeReferences(double ?? single ?? bare ?? ''));
  }
  return attributes;
}

/** The references that authors write in URLs and policies. */
function decodeReferences(value: string): string {
  return value
    .replace(/&(?:#39|#x27|apos);/gi, "'")
    .replace(/&quot;/gi, '"')
    .replace(/&amp;/gi, '&');
}
