import type { ChunkStore } from '../core/ports.ts';
import type { Manifest } from '../protocol/manifest.ts';
import type { Engine, Releases } from './engine.ts';
import { StoreKeeper, type StoreKeeperPorts } from './store-keeper.ts';

export interface IdleEnginePorts
  extends Pick<StoreKeeperPorts, 'clock' | 'uses' | 'now' | 'otherBytes' | 'storage' | 'isInstalled'> {
  readonly store: Pick<ChunkStore, 'list' | 'delete'>;
  readonly manifests: readonly Manifest[];
  /** `undefined` when these need another engine. */
  readonly read: (releases: Releases) => readonly Manifest[] | undefined;
  readonly closeStore: () => Promise<void>;
}

/** Where a release allows no peers: there is nothing to be had from it, but the store has to be kept small there, too. */
export function idleEngine({ store, manifests, read, closeStore, ...ports }: IdleEnginePorts): Engine {
  const nothing = (): void => undefined;
  let current = manifests;
  const keeper = new StoreKeeper({
    ...ports,
    store,
    manifests: () => current,
    copiesOf: () => 0,
    drop: (chunks) => store.delete(chunks),
  });
  return {
    peerCount: 0,
    setReleases(releases) {
      const newer = read(releases);
      current = newer ?? current;
      return newer !== undefined;
    },
    fetch(chunks, _, receiver) {
      for (const id of chunks) receiver.onMissing(id);
      return { cancel: nothing };
    },
    noteStored: nothing,
    setUploading: nothing,
    async close() {
      keeper.close();
      await closeStore();
    },
  };
}
