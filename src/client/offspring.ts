import { withoutFragment } from '../protocol/fragment.ts';

/** Blob URLs that are remembered, the latest ones: most are of images, and a worker begins soon after its URL was made. */
const MAX_BLOBS = 1000;

/**
 * The frames and blob workers of this page. To a service worker they are clients like any other: nothing says whose they
 * are, and pages of two releases may be open.
 */
export class Offspring {
  readonly #blobs = new Set<string>();

  /** Notes from now on which blob URLs this page makes: no browser tells afterwards. */
  constructor() {
    const create = URL.createObjectURL.bind(URL);
    URL.createObjectURL = (object) => {
      const url = create(object);
      this.#blobs.add(url);
      const [oldest = ''] = this.#blobs;
      if (this.#blobs.size > MAX_BLOBS) this.#blobs.delete(oldest);
      return url;
    };
  }

  /** @param url of a worker's script, or of a document that a frame asks for now. */
  has(url: string): boolean {
    return this.#blobs.has(url) || [...document.querySelectorAll('iframe, frame')].some((frame) => awaits(frame, url));
  }
}

/** It is to show this, and does not yet: another page may have the same frame, for long. */
function awaits(frame: Element, url: string): boolean {
  const { src, contentDocument } = frame as HTMLIFrameElement;
  return (
    withoutFragment(src) === withoutFragment(url) &&
    withoutFragment(contentDocument?.URL ?? '') !== withoutFragment(url)
  );
}
