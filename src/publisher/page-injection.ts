import { tagsOf, withoutInert } from './html-text.ts';
import { type PagePlace, withScriptTag } from './script-tag.ts';

/** Only the beginning of a page is looked at: its head is there, and memory stays bounded. */
const HEAD_BYTES = 1024 * 1024;

/** Called with the beginning of the page, before anything was added. */
export interface PageObserver {
  /** Content of a `<meta http-equiv="Content-Security-Policy">`. */
  onPolicy(value: string): void;
  /** The page is UTF-16: a tag of ASCII bytes would damage it. */
  onSkipped(): void;
}

/** A page's bytes with the script tag in its head. */
export async function* injectScript(
  pieces: AsyncIterable<Uint8Array>,
  place: PagePlace,
  observer: PageObserver,
): AsyncGenerator<Uint8Array> {
  let head: Buffer[] | undefined = [];
  let headBytes = 0;
  for await (const piece of pieces) {
    if (head === undefined) {
      yield piece;
      continue;
    }
    head.push(Buffer.from(piece));
    headBytes += piece.length;
    if (headBytes < HEAD_BYTES) continue;
    yield edit(Buffer.concat(head), place, observer);
    head = undefined;
  }
  if (head !== undefined) yield edit(Buffer.concat(head), place, observer);
}

function edit(bytes: Buffer, place: PagePlace, observer: PageObserver): Uint8Array {
  const mark = bytes.subarray(0, 2).toString('hex');
  if (mark === 'fffe' || mark === 'feff') {
    observer.onSkipped();
    return bytes;
  }
  const html = bytes.toString('latin1');
  for (const { attributes } of tagsOf(withoutInert(html), 'meta')) {
    if (attributes.get('http-equiv')?.toLowerCase() !== 'content-security-policy') continue;
    observer.onPolicy(attributes.get('content') ?? '');
  }
  return Buffer.from(withScriptTag(html, place), 'latin1');
}
