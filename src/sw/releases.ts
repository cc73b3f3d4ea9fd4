import { type LoadedRelease, openManifest } from '../platform/release-source.ts';
import { RELEASES_RECORD } from '../protocol/browser-names.ts';
import { readManifest } from '../protocol/manifest.ts';
import { chunksOnlyIn } from './dropped-chunks.ts';
import { ReleaseRefusedError } from './errors.ts';
import type { WorkerPorts } from './worker-ports.ts';

type ReleasesPorts = Pick<WorkerPorts, 'records' | 'digest' | 'store' | 'verifyPointer' | 'loadRelease' | 'probePacks'>;

/**
 * The releases that this worker knows, newest first: the next one, which is on its way into the store or waits there;
 * the active one, which new pages get; and older ones that pages still use. All of it is one record, so that a release
 * becomes active in one transaction. What the record holds is verified anew at every start of the worker.
 */
export class Releases {
  readonly #ports: ReleasesPorts;
  readonly #onChange: () => void;
  #known: readonly LoadedRelease[] = [];
  #active = 0;
  #isStaged = false;

  constructor(ports: ReleasesPorts, onChange: () => void) {
    this.#ports = ports;
    this.#onChange = onChange;
  }

  /** Newest first; without those that a newer pointer has withdrawn. */
  get known(): readonly LoadedRelease[] {
    return this.#known;
  }

  get active(): LoadedRelease | undefined {
    return this.find(this.#active);
  }

  get next(): LoadedRelease | undefined {
    const [newest] = this.#known;
    return newest && newest.manifest.sequence > this.#active ? newest : undefined;
  }

  /** Whether the next release can be activated: what it needs is in the store. */
  get isNextStaged(): boolean {
    return this.#isStaged;
  }

  find(sequence: number | undefined): LoadedRelease | undefined {
    return this.#known.find(({ manifest }) => manifest.sequence === sequence);
  }

  /** Reads what earlier lives of this worker have kept. Never rejects: without a record there is no release yet. */
  async open(): Promise<void> {
    const { releases, active, isStaged } = Object(
      await this.#ports.records.read(RELEASES_RECORD),
    ) as Partial<ReleasesRecord>;
    const read = await Promise.all(
      Array.isArray(releases) ? releases.map((record: ReleaseRecord) => this.#verify(record)) : [],
    );
    this.#known = read.filter((release) => release !== undefined);
    const [newest] = this.#known;
    if (!newest) return;
    // Damaged: what is there must do.
    this.#active = this.find(active ?? 0) ? (active as number) : newest.manifest.sequence;
    this.#isStaged = isStaged === true;
    this.#onChange();
  }

  /**
   * Looks for a newer release; the first one is active at once. Resolves with whether there was one.
   *
   * @param offer what to look at in place of what the origin has
   *
   * @throws Error when the origin is away or what it has is refused.
   */
  async check(offer?: unknown): Promise<boolean> {
    const [before] = this.#known;
    const found = await this.#ports.loadRelease(before?.pointer, offer);
    if (found.outcome === 'refused') throw new ReleaseRefusedError(found.code);
    // Or another check was quicker: what this one has found is not newer than that, or is found again.
    if (found.outcome === 'no-news' || before !== this.#known[0]) return false;
    const isNews = found.outcome === 'new';
    const newest = isNews ? found : { ...(before as LoadedRelease), ...found };
    // One that still waited is passed over; one that was signed again takes its own place.
    const kept = this.#known.filter(
      (release) =>
        (isNews ? release.manifest.sequence <= this.#active : release !== before) &&
        release.manifest.sequence >= newest.pointer.minimumSequence,
    );
    // A page that is open on a withdrawn release gets what the origin would give it, too: the files of this one.
    if (!kept.some(({ manifest }) => manifest.sequence === this.#active)) {
      // Used before it is here: in an upload in the wrong order it would be announced before it is there.
      await this.#ports.probePacks(newest.manifest);
      this.#active = newest.manifest.sequence;
    }
    if (isNews) this.#isStaged = false;
    await this.#set([newest, ...kept]);
    return isNews;
  }

  /** All that the next release needs is in the store. */
  async stage(): Promise<void> {
    if (this.#isStaged) return;
    this.#isStaged = true;
    await this.#set(this.#known);
  }

  /** Makes the next release the active one, if it is staged. Resolves with whether it was. */
  async activate(): Promise<boolean> {
    const { next } = this;
    if (!next || !this.#isStaged) return false;
    this.#active = next.manifest.sequence;
    this.#isStaged = false;
    await this.#set(this.#known);
    return true;
  }

  /** Lets go of releases before the active one that nobody is pinned to, and of what only they have. */
  async dropUnpinned(pinned: ReadonlySet<number>): Promise<void> {
    const kept = this.#known.filter(({ manifest: { sequence } }) => sequence >= this.#active || pinned.has(sequence));
    if (kept.length < this.#known.length) await this.#set(kept);
  }

  /** The app is retired: there is no release any more. */
  forget(): void {
    this.#known = [];
  }

  async #set(known: readonly LoadedRelease[]): Promise<void> {
    const before = this.#known;
    this.#known = known;
    // The leader is told first, not to give away what goes.
    this.#onChange();
    const releases = known.map(({ pointerBytes, manifestBytes }) => ({
      pointer: pointerBytes,
      manifest: manifestBytes,
    }));
    const record: ReleasesRecord = { active: this.#active, isStaged: this.#isStaged, releases };
    await this.#ports.records.write({ [RELEASES_RECORD]: record });
    const dropped = before.filter(({ manifest }) => !known.some((release) => release.manifest === manifest));
    if (dropped.length > 0) await this.#ports.store.delete(chunksOnlyIn(dropped, known));
  }

  async #verify(record: Partial<ReleaseRecord> | undefined): Promise<LoadedRelease | undefined> {
    try {
      const pointerBytes = record?.pointer as ReleaseRecord['pointer'];
      const manifestBytes = record?.manifest as ReleaseRecord['manifest'];
      const pointer = await this.#ports.verifyPointer(pointerBytes);
      const manifest = await openManifest({ ...this.#ports, decode: readManifest }, pointer, manifestBytes);
      return manifest && { pointer, manifest, pointerBytes, manifestBytes };
    } catch {
      // Damaged, or signed by a key that was retired: as on a first visit, it is loaded again.
      return undefined;
    }
  }
}

interface ReleaseRecord {
  readonly pointer: Uint8Array<ArrayBuffer>;
  readonly manifest: Uint8Array<ArrayBuffer>;
}

interface ReleasesRecord {
  readonly active: number;
  readonly isStaged: boolean;
  readonly releases: readonly ReleaseRecord[];
}
