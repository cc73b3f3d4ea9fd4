import type { Sha256 } from '../protocol/identifier.ts';
import type { HeaderSet, ReleaseFile } from '../protocol/manifest.ts';
import type { ReleasePath } from '../protocol/release-path.ts';
import type { WorkerPorts } from './worker-ports.ts';

/** Headers of a document or worker script that protect it, or that decide what it may do. */
const SECURITY_HEADERS = [
  'content-security-policy',
  'content-security-policy-report-only',
  'cross-origin-embedder-policy',
  'cross-origin-embedder-policy-report-only',
  'cross-origin-opener-policy',
  'cross-origin-opener-policy-report-only',
  'cross-origin-resource-policy',
  'document-policy',
  'feature-policy',
  'integrity-policy',
  'integrity-policy-report-only',
  'nel',
  'origin-agent-cluster',
  'permissions-policy',
  'referrer-policy',
  'report-to',
  'reporting-endpoints',
  'strict-transport-security',
  'x-content-type-options',
  'x-dns-prefetch-control',
  'x-frame-options',
  'x-permitted-cross-domain-policies',
  'x-robots-tag',
  'x-xss-protection',
];

const RECORD = 'document-headers';
/** Documents that are remembered, the latest ones. */
const MAX_DOCUMENTS = 500;

/** Of one version of a document. */
interface SavedHeaders {
  readonly path: ReleasePath;
  readonly hash: Sha256;
  readonly headers: HeaderSet;
}

type DocumentHeadersPorts = Pick<WorkerPorts, 'records' | 'log' | 'headersOf'>;

/**
 * The headers that a web server adds to documents and worker scripts by itself. A release may not know them, and an
 * answer without them would silently take a page's protection away.
 */
export class DocumentHeaders {
  readonly #ports: DocumentHeadersPorts;
  #saved: readonly SavedHeaders[] = [];

  constructor(ports: DocumentHeadersPorts) {
    this.#ports = ports;
  }

  async open(): Promise<void> {
    try {
      const saved = await this.#ports.records.get(RECORD);
      if (Array.isArray(saved)) this.#saved = saved.filter(isSavedHeaders);
    } catch (error) {
      this.#ports.log.debug('header-record-refused', { error });
    }
  }

  knows(file: ReleaseFile): boolean {
    return this.#find(file) !== undefined;
  }

  /** Takes over what a network response of this very file said. */
  async save(file: ReleaseFile, response: Headers): Promise<void> {
    const headers = SECURITY_HEADERS.flatMap((name) => {
      const value = response.get(name);
      return value === null ? [] : [[name, value] as const];
    });
    const others = this.#saved.filter(({ path }) => path !== file.path);
    this.#saved = [...others, { path: file.path, hash: file.hash, headers }].slice(-MAX_DOCUMENTS);
    try {
      await this.#ports.records.set({ [RECORD]: this.#saved });
    } catch (error) {
      // Asked for again in the worker's next life.
      this.#ports.log.debug('headers-not-kept', { error });
    }
  }

  /**
   * What the release says of the file, and what the server has added to it. When neither is known the server is asked;
   * when that fails, what it added to another version or another document must do.
   *
   * Resolves with `undefined` when nothing at all is known: then only the network's own answer is safe.
   */
  async of(file: ReleaseFile, own: HeaderSet): Promise<HeaderSet | undefined> {
    const saved = this.#find(file);
    if (saved !== undefined) return merge(own, saved.headers);
    if (own.length > 0) return own;
    try {
      await this.save(file, await this.#ports.headersOf(file.path));
      return this.#find(file)?.headers;
    } catch (error) {
      this.#ports.log.debug('headers-not-loaded', { path: file.path, error });
      return (this.#saved.find(({ path }) => path === file.path) ?? this.#saved.at(-1))?.headers;
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
  return typeof value === 'object' && value !== null && 'path' in value && 'hash' in value && 'headers' in value;
}
