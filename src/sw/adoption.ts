import type { StoredChunk } from '../core/ports.ts';
import type { StoreWriter } from '../core/store-writer.ts';
import { checkFile } from '../platform/http-origin.ts';
import { HttpSource } from '../platform/http-source.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import { chunksOfFile, type Manifest, type PackedChunk, type ReleaseFile } from '../protocol/manifest.ts';
import { ChunkBody, plainForm } from './chunk-body.ts';
import type { DocumentHeaders } from './document-headers.ts';
import { Lanes } from './lanes.ts';
import { isDocument } from './responder.ts';
import type { WorkerPorts } from './worker-ports.ts';

type AdoptionPorts = Pick<WorkerPorts, 'store' | 'digest' | 'codec' | 'fetch'>;

/** Files read at once: the HTTP cache answers, the disk is the limit. */
const ADOPTION_LANES = 4;

/** Takes what a page has loaded plainly, before there was a worker, out of the HTTP cache into the store. */
export class Adoption {
  readonly #ports: AdoptionPorts;
  readonly #writer: StoreWriter;
  readonly #documents: DocumentHeaders;
  readonly #onForeign: () => Promise<void>;

  /** @param onForeign a document that was loaded is not the release's: what belongs to it is not in the release. */
  constructor(ports: AdoptionPorts, writer: StoreWriter, documents: DocumentHeaders, onForeign: () => Promise<void>) {
    this.#ports = ports;
    this.#writer = writer;
    this.#documents = documents;
    this.#onForeign = onForeign;
  }

  /** Never rejects: what cannot be adopted is fetched when a page asks for it. */
  async adoptLoaded(manifest: Manifest, loaded: ReadonlyMap<ReleaseFile, string>): Promise<void> {
    const stored = new Set(await this.#ports.store.list());
    const lanes = new Lanes(ADOPTION_LANES);
    const adopting = [...loaded].map(([file, url]) =>
      lanes.run(async () => {
        const chunks = chunksOfFile(manifest, file);
        const isKept = chunks.every((chunk) => stored.has(chunk.id));
        if (isKept && (!isDocument(file) || this.#documents.knows(file))) return;
        await this.#adoptFile(file, url, chunks);
      }),
    );
    await Promise.all(adopting);
    await this.#writer.close();
  }

  async #adoptFile(file: ReleaseFile, url: string, chunks: readonly PackedChunk[]): Promise<void> {
    let headers: Headers | undefined;
    const source = new HttpSource(this.#ports.fetch, {
      url: new URL(url, location.href),
      cache: 'force-cache',
      check(response) {
        checkFile(response);
        if (!response.redirected) ({ headers } = response);
      },
    });
    const tools = {
      ...this.#ports,
      keep: (id: ChunkId, stored: StoredChunk) => this.#writer.add(id, stored),
      // It was counted as the page's own load, by nobody.
      count: () => undefined,
    };
    const wanted = new Set(chunks.map((chunk) => chunk.id));
    const body = new ChunkBody(tools, source, plainForm(chunks), true);
    await body.read(chunks.length, wanted, { signal: new AbortController().signal, deliver: () => undefined });
    if (!headers || !isDocument(file)) return;
    if (wanted.size === 0) await this.#documents.saveHeaders(file, headers);
    // Of another release, or a page that the server puts in place of another one: its headers say nothing.
    else await this.#onForeign();
  }
}
