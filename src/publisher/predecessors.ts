import type { ChunkId } from '../protocol/identifier.ts';
import { isDeltaPath } from '../protocol/layout.ts';
import { chunksOfFile, type Manifest, type PackedChunk, type ReleaseFile } from '../protocol/manifest.ts';
import type { ReleasePath } from '../protocol/release-path.ts';

/** A file of an earlier release. */
export interface Predecessor {
  /** Its index in the manifest. */
  readonly file: number;
  readonly chunks: readonly PackedChunk[];
}

/** Tells which file of an earlier release a new one most likely comes from. */
export class Predecessors {
  readonly #held: Manifest;
  readonly #byPath = new Map<ReleasePath, number>();
  readonly #byStem = new Map<string, number[]>();
  readonly #byChunk = new Map<ChunkId, number>();

  constructor(held: Manifest) {
    this.#held = held;
    for (const [index, file] of held.files.entries()) {
      if (isDeltaPath(file.path)) continue;
      this.#byPath.set(file.path, index);
      const stem = stemOf(file.path);
      this.#byStem.set(stem, [...(this.#byStem.get(stem) ?? []), index]);
      for (const { id } of chunksOfFile(held, file)) this.#byChunk.set(id, index);
    }
  }

  /** That of the same path; else of the same name but for a hash in it; else the one with which it shares most chunks. */
  of(file: ReleaseFile, chunks: readonly PackedChunk[]): Predecessor | undefined {
    const shared = this.#sharedChunks(chunks);
    const nearer = (a: number, b: number): number =>
      (shared.get(b) ?? 0) - (shared.get(a) ?? 0) || this.#away(a, file) - this.#away(b, file);
    const namesakes = this.#byStem.get(stemOf(file.path)) ?? [...shared.keys()];
    const index = this.#byPath.get(file.path) ?? namesakes.toSorted(nearer)[0];
    const found = index === undefined ? undefined : this.#held.files[index];
    return found && index !== undefined ? { file: index, chunks: chunksOfFile(this.#held, found) } : undefined;
  }

  #sharedChunks(chunks: readonly PackedChunk[]): Map<number, number> {
    const shared = new Map<number, number>();
    for (const { id } of chunks) {
      const index = this.#byChunk.get(id);
      if (index !== undefined) shared.set(index, (shared.get(index) ?? 0) + 1);
    }
    return shared;
  }

  #away(index: number, { plainBytes }: ReleaseFile): number {
    return Math.abs((this.#held.files[index]?.plainBytes ?? 0) - plainBytes);
  }
}

/** `assets/index-BwSPrP_a.js` and `index.3f2a90.js` without what bundlers make of their content. */
function stemOf(path: ReleasePath): string {
  return path.replace(/[-._][0-9a-f]{6,64}(?=[-.])|[-.][\w-]{8}(?=\.[^./]+$)/g, '');
}
