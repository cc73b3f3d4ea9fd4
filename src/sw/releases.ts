import { withdrawnChunks } from '../core/withdrawal.ts';
import { type LoadedRelease, openManifest } from '../platform/release-source.ts';
import type { WorkerPorts } from './worker-ports.ts';

type ReleasesPorts = Pick<WorkerPorts, 'records' | 'digest' | 'store' | 'verifyPointer' | 'loadRelease'>;

const ACTIVE_RECORD = 'release-active';
const NEXT_RECORD = 'release-next';

/**
 * The releases that this worker knows: the active one, which pages get, and the next one, which waits until no page of
 * the active one is left. What the records hold is verified anew at every start of the worker.
 */
export class Releases {
  readonly #ports: ReleasesPorts;
  readonly #onChange: () => void;
  #active: LoadedRelease | undefined;
  #next: LoadedRelease | undefined;
  #checking: Promise<boolean> | undefined;

  constructor(ports: ReleasesPorts, onChange: () => void) {
    this.#ports = ports;
    this.#onChange = onChange;
  }

  get active(): LoadedRelease | undefined {
    return this.#active;
  }

  get hasNext(): boolean {
    return this.#next !== undefined;
  }

  /** Newest first; without those that a newer pointer has withdrawn. */
  get known(): readonly LoadedRelease[] {
    const all = [this.#next, this.#active].filter((release) => release !== undefined);
    const floor = all[0]?.pointer.minimumSequence ?? 0;
    return all.filter((release) => release.manifest.sequence >= floor);
  }

  /** Reads what earlier lives of this worker have kept. Never rejects: without records there is no release yet. */
  async open(): Promise<void> {
    const [active, next] = await Promise.all([this.#read(ACTIVE_RECORD), this.#read(NEXT_RECORD)]);
    this.#active = active ?? next;
    this.#next = active === undefined ? undefined : next;
    if (this.#active !== undefined) this.#onChange();
  }

  /**
   * Looks for a newer release; the first one is active at once. Resolves with whether there was one.
   *
   * @throws Error when the origin is away or what it has is refused.
   */
  check(): Promise<boolean> {
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  /** Makes the next release the active one. */
  async activateNext(): Promise<void> {
    const next = this.#next;
    if (next === undefined) return;
    this.#active = next;
    this.#next = undefined;
    this.#onChange();
    await this.#ports.records.write({ [ACTIVE_RECORD]: recordOf(next), [NEXT_RECORD]: null });
  }

  /** The app is retired: there is no release any more. */
  forget(): void {
    this.#active = undefined;
    this.#next = undefined;
  }

  async #check(): Promise<boolean> {
    const found = await this.#ports.loadRelease((this.#next ?? this.#active)?.pointer);
    if (found === undefined) return false;
    if (!('manifest' in found)) {
      const newest = this.#next ?? this.#active;
      if (newest) await this.#keep({ ...newest, ...found }, this.#next === undefined);
      return false;
    }
    const active = this.#active?.manifest.sequence ?? 0;
    const before = [this.#next, this.#active].filter((release) => release !== undefined);
    // A page that is open on a withdrawn release gets what the origin would give it, too: the files of this one.
    const replaces = active < Math.max(found.pointer.minimumSequence, 1);
    const kept = this.#keep(found, replaces);
    this.#onChange();
    // The leader has been told not to give them away any more.
    await this.#ports.store.delete(withdrawnChunks(found, before));
    await kept;
    return true;
  }

  async #keep(release: LoadedRelease, isActive: boolean): Promise<void> {
    if (isActive) {
      this.#active = release;
      this.#next = undefined;
    } else this.#next = release;
    const record = recordOf(release);
    await this.#ports.records.write(
      isActive ? { [ACTIVE_RECORD]: record, [NEXT_RECORD]: null } : { [NEXT_RECORD]: record },
    );
  }

  async #read(key: string): Promise<LoadedRelease | undefined> {
    const record = (await this.#ports.records.read(key)) as Partial<ReleaseRecord> | null | undefined;
    try {
      const pointerBytes = record?.pointer as ReleaseRecord['pointer'];
      const manifestBytes = record?.manifest as ReleaseRecord['manifest'];
      const pointer = await this.#ports.verifyPointer(pointerBytes);
      const manifest = await openManifest(this.#ports.digest, pointer, manifestBytes);
      return manifest && { pointer, manifest, pointerBytes, manifestBytes };
    } catch {
      // None, damaged, or signed by a key that was retired: as on a first visit, it is loaded again.
      return undefined;
    }
  }
}

interface ReleaseRecord {
  readonly pointer: Uint8Array<ArrayBuffer>;
  readonly manifest: Uint8Array<ArrayBuffer>;
}

function recordOf(release: LoadedRelease): ReleaseRecord {
  return { pointer: release.pointerBytes, manifest: release.manifestBytes };
}
