import type { Sha256 } from '../protocol/identifier.ts';
import type { HeaderSet, ReleaseFile } from '../protocol/manifest.ts';
import type { ReleasePath } from '../protocol/release-path.ts';
import type { Records } from './records.ts';

const RECORD = 'document-headers';
/** Documents that are remembered, the latest ones. */
const MAX_DOCUMENTS = 500;
/** What servers commonly say alike of all their documents, and what protects them. */
const SITE_WIDE = /-policy|-security|^x-|^report/;

/** Of one version of a document. */
interface SavedHeaders {
  readonly path: ReleasePath;
  readonly hash: Sha256;
  readonly headers: HeaderSet;
}

/**
 * The headers that a web server adds to documents and worker scripts by itself. A release may not know them, and an
 * answer without them would silently take a page's protection away (CSP, COOP, COEP, Permissions-Policy, …). All of
 * them are kept: a list of those that protect would lack the next one that browsers learn.
 */
export class DocumentHeaders {
  readonly #records: Records;
  readonly #load: (path: ReleasePath) => Promise<Headers>;
  #saved: readonly SavedHeaders[] = [];

  /** @param load asks the origin; rejects when it does not answer with success. */
  constructor(records: Records, load: (path: ReleasePath) => Promise<Headers>) {
    this.#records = records;
    this.#load = load;
  }

  async open(): Promise<void> {
    const saved = await this.#records.read(RECORD);
    if (Array.isArray(saved)) this.#saved = saved.filter(isSavedHeaders);
  }

  knows(file: ReleaseFile): boolean {
    return this.#find(file) !== undefined;
  }

  /** Takes over what a network response of this very file said. */
  async saveHeaders(file: ReleaseFile, response: Headers): Promise<HeaderSet> {
    const headers = [...response];
    const others = this.#saved.filter(({ path }) => path !== file.path);
    this.#saved = [...others, { path: file.path, hash: file.hash, headers }].slice(-MAX_DOCUMENTS);
    await this.#records.write({ [RECORD]: this.#saved });
    return headers;
  }

  /**
   * What the release says of the file, and what the server has added to it. When neither is known the server is asked;
   * when that fails, what it added to another version or another document must do.
   *
   * Resolves with `undefined` when nothing at all is known: then only the network's own answer is safe.
   */
  async of(file: ReleaseFile, own: HeaderSet): Promise<HeaderSet | undefined> {
    const saved = this.#find(file);
    if (saved) return merge(own, saved.headers);
    if (own.length > 0) return own;
    try {
      return await this.saveHeaders(file, await this.#load(file.path));
    } catch {
      // Away, or it does not answer HEAD: headers that are close are better than none.
      const close = this.#saved.find(({ path }) => path === file.path) ?? this.#saved.at(-1);
      return close?.headers.filter(([name]) => SITE_WIDE.test(name));
    }
  }

  #find(file: ReleaseFile): SavedHeaders | undefined {
    return this.#saved.find(({ path, hash }) => path === file.path && hash === file.hash);
  }
}

/** The publisher's word counts more than the server's. */
function merge(own: HeaderSet, added: HeaderSet): HeaderSet {
  const names = new Set(own.map(([name]) => name));
  return [...own, ...added.filter(([name]) => !names.has(name))];
}

function isSavedHeaders(value: unknown): value is SavedHeaders {
  return Array.isArray((Object(value) as Partial<SavedHeaders>).headers);
}
