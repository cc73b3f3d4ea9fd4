import { ByteCutter } from '../core/byte-cutter.ts';
import { OriginError } from '../core/errors.ts';
import type { ByteSource } from '../core/ports.ts';
import type { StoreWriter } from '../core/store-writer.ts';
import { chunksOfFile, type Manifest, type PackedChunk, type ReleaseFile } from '../protocol/manifest.ts';
import type { DocumentHeaders } from './document-headers.ts';
import { Lanes } from './lanes.ts';
import { isDocument } from './responder.ts';
import type { WorkerPorts } from './worker-ports.ts';

type AdoptionPorts = Pick<WorkerPorts, 'store' | 'digest' | 'fetch'>;

/** Files read at once: the HTTP cache answers, the disk is the limit. */
const ADOPTION_LANES = 4;

/** Takes what a page has loaded plainly, before there was a worker, out of the HTTP cache into the store. */
export class Adoption {
  readonly #ports: AdoptionPorts;
  readonly #writer: StoreWriter;
  readonly #documents: DocumentHeaders;

  constructor(ports: AdoptionPorts, writer: StoreWriter, documents: DocumentHeaders) {
    this.#ports = ports;
    this.#writer = writer;
    this.#documents = documents;
  }

  /** Never rejects: what cannot be adopted is fetched when a page asks for it. */
  async adopt(manifest: Manifest, loaded: ReadonlyMap<ReleaseFile, string>): Promise<void> {
    const stored = new Set(await this.#ports.store.list());
    const lanes = new Lanes(ADOPTION_LANES);
    const adopting = [...loaded].map(([file, url]) =>
      lanes.run(async () => {
        const chunks = chunksOfFile(manifest, file);
        const isKept = chunks.every((chunk) => stored.has(chunk.id));
        if (isKept && (!isDocument(file) || this.#documents.knows(file))) return;
        try {
          await this.#adoptFile(file, url, chunks);
        } catch {
          // Not in the cache and the origin away, or of another release: fetched when a page asks for it.
        }
      }),
    );
    await Promise.all(adopting);
    await this.#writer.close();
  }

  async #adoptFile(file: ReleaseFile, url: string, chunks: readonly PackedChunk[]): Promise<void> {
    const response = await this.#ports.fetch(url, { cache: 'force-cache', credentials: 'same-origin' });
    if (response.status !== 200 || response.redirected) {
      throw new OriginError('origin-status', `${url}: not the plain file`, { status: response.status });
    }
    const cutter = new ByteCutter(bodySource(response));
    for (const chunk of chunks) {
      const bytes = await cutter.take(chunk.plainBytes);
      if ((await this.#ports.digest.sha256(bytes)) !== chunk.id) {
        cutter.cancel();
        throw new Error('the page was loaded from another release');
      }
      this.#writer.add(chunk.id, { encoding: 'identity', bytes });
    }
    cutter.cancel();
    if (isDocument(file)) await this.#documents.save(file, response.headers);
  }
}

function bodySource(response: Response): ByteSource {
  const reader = response.body?.getReader();
  return {
    next: async () => (await reader?.read())?.value,
    cancel: () => void reader?.cancel().catch(() => undefined), // It has ended or failed: nothing is left to stop.
  };
}
