import { open, stat } from 'node:fs/promises';
import type { HeaderSet } from '../protocol/manifest.ts';
import type { ReleasePath } from '../protocol/release-path.ts';
import type { ContentBuilder, FileContent } from './content-builder.ts';
import { decodeContent } from './content-decoding.ts';
import { HeaderSets } from './header-sets.ts';
import type { HeaderRules } from './headers-file.ts';
import { injectScript } from './page-injection.ts';
import type { ReleaseSource } from './release-sources.ts';
import { isHtml, responseOf, withoutCharset } from './response-headers.ts';
import { policyProblems } from './security-policy.ts';
import { readSource } from './source-reader.ts';
import type { SourceFile } from './source-tree.ts';
import type { Staging } from './staging.ts';
import { Utf8Check } from './utf8-check.ts';

/** A file of SRC as it lies in the staging folder. */
export interface PublishedFile {
  readonly path: ReleasePath;
  /** Bytes on the origin: those of `content`, unless it is stored compressed. */
  readonly storedBytes: number;
  readonly mediaType: string;
  readonly cacheControl: string | undefined;
  /** `undefined` when it is no file of the release. */
  readonly release: { readonly content: FileContent; readonly headerSet: number } | undefined;
}

export interface FilePublisherOptions {
  readonly inject: boolean;
  readonly scope: string | undefined;
  /** The app's own worker, and what is written in front of it. */
  readonly worker: { readonly path: string; readonly firstLine: Uint8Array } | undefined;
  /** Path of the script that holds up first visits. */
  readonly boot: string | undefined;
  readonly rules: HeaderRules;
  /** The signaling server, where it is on a host of its own. */
  readonly signal: URL | undefined;
  readonly abort: AbortSignal | undefined;
  /** Bytes of `path` that were read since the last call. */
  onRead(path: string, bytes: number): void;
  onWarning(message: string): void;
}

/** Reads each file of SRC once: what is copied to OUT, cut into chunks and hashed are the same bytes. */
export class FilePublisher {
  readonly headerSets = new HeaderSets();
  readonly #options: FilePublisherOptions;
  readonly #staging: Staging;
  readonly #builder: ContentBuilder;
  readonly #folders: ReadonlySet<string>;
  readonly #reportedPolicies = new Set<string>();

  constructor(
    options: FilePublisherOptions,
    staging: Staging,
    builder: ContentBuilder,
    sources: readonly ReleaseSource[],
  ) {
    this.#options = options;
    this.#staging = staging;
    this.#builder = builder;
    this.#folders = new Set(sources.flatMap(({ path }) => foldersOf(path)));
  }

  async publish(source: ReleaseSource): Promise<PublishedFile> {
    const { path } = source;
    const { mediaType, assumesUtf8, contentEncoding, headers } = responseOf(path, this.#options.rules.headersOf(path));
    const location = await this.#staging.place(path);
    const isPage = source.inRelease && contentEncoding === undefined && isHtml(mediaType);
    if (isPage) this.#checkPolicies(path, headers);
    const stored = isPage && this.#options.inject ? this.#inject(this.#read(source), path) : this.#read(source);
    const copied = copyTo(location, stored);
    const utf8 = new Utf8Check();
    let content: FileContent | undefined;
    if (!source.inRelease) await drain(copied);
    else if (contentEncoding === undefined) {
      content = await this.#builder.addFile(assumesUtf8 ? utf8.watch(copied) : copied);
    } else {
      // Copied to its end first: a decoder stops reading where the compressed data end.
      await drain(copied);
      const { size } = await stat(location);
      const encoded = readSource({ path, location, bytes: size });
      content = await this.#builder.addFile(decodeContent(encoded, contentEncoding, path));
    }
    const { size } = await stat(location);
    return {
      path,
      storedBytes: size,
      mediaType: utf8.isValid ? mediaType : withoutCharset(mediaType),
      cacheControl: headers.find(([name]) => name === 'cache-control')?.[1],
      release: content === undefined ? undefined : { content, headerSet: this.headerSets.indexOf(headers) },
    };
  }

  async *#read(source: SourceFile): AsyncGenerator<Uint8Array> {
    const { worker } = this.#options;
    if (source.path === worker?.path) yield worker.firstLine;
    for await (const piece of readSource(source)) {
      this.#options.abort?.throwIfAborted();
      yield piece;
      this.#options.onRead(source.path, piece.length);
    }
  }

  #inject(pieces: AsyncIterable<Uint8Array>, path: ReleasePath): AsyncIterable<Uint8Array> {
    const { scope, worker, boot } = this.#options;
    const place = { path, scope, boot, worker: worker?.path, hasFolder: (folder: string) => this.#folders.has(folder) };
    return injectScript(pieces, place, {
      onPolicy: (value) => this.#checkPolicy(path, value),
      onSkipped: () => this.#options.onWarning(`${path} is UTF-16 and got no script tag: save it as UTF-8`),
    });
  }

  #checkPolicies(path: ReleasePath, headers: HeaderSet): void {
    for (const [name, value] of headers) if (name === 'content-security-policy') this.#checkPolicy(path, value);
  }

  /** One warning a policy: a site has the same one on all of its pages. */
  #checkPolicy(path: ReleasePath, value: string): void {
    if (this.#reportedPolicies.has(value)) return;
    this.#reportedPolicies.add(value);
    const problems = policyProblems(value, this.#options.signal);
    if (problems.length === 0) return;
    this.#options.onWarning(`the Content-Security-Policy of ${path} stops Tabseed: ${problems.join(', ')}`);
  }
}

async function* copyTo(location: string, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const target = await open(location, 'wx');
  try {
    for await (const piece of pieces) {
      await target.appendFile(piece);
      yield piece;
    }
  } finally {
    await target.close();
  }
}

async function drain(pieces: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of pieces);
}

function foldersOf(path: ReleasePath): string[] {
  const segments = path.split('/').slice(0, -1);
  return segments.map((_, index) => segments.slice(0, index + 1).join('/'));
}
