import { policyFor, TAB_POLICY } from '../core/policy.ts';
import type { Signaling } from '../core/ports.ts';
import { Swarm } from '../core/swarm.ts';
import { engineOrigin } from '../platform/engine-origin.ts';
import { openBrowserDatabase } from '../platform/idb-database.ts';
import { consoleLog } from '../platform/log.ts';
import { roomOf } from '../platform/room-name.ts';
import { type RtcDialer, rtcDialer } from '../platform/rtc-dialer.ts';
import { signalUrl } from '../platform/signal-url.ts';
import { loadSimplePeer } from '../platform/simple-peer.ts';
import { streamCodec } from '../platform/stream-codec.ts';
import { subtleDigest } from '../platform/subtle-digest.ts';
import { systemClock, systemRandom } from '../platform/system-clock.ts';
import { webSocketSignaling } from '../platform/web-socket-signaling.ts';
import { storageName } from '../protocol/browser-names.ts';
import { decodeUses, FIGURES_RECORD } from '../protocol/figures-record.ts';
import { decodeManifest, type Manifest } from '../protocol/manifest.ts';
import { decodePointer, type Pointer } from '../protocol/pointer.ts';
import { decodeSettings, reachOf, type Settings } from '../protocol/settings.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';
import type { Declined, Engine, EngineEvents, Releases } from './engine.ts';
import { idleEngine } from './idle-engine.ts';
import { patchManifest } from './manifest-patcher.ts';
import { noDialer, noSignaling } from './no-peers.ts';
import { PeerReleases } from './peer-releases.ts';
import { Staging, type StagingPorts } from './staging.ts';
import { StartCache } from './start-cache.ts';
import { StartFiles } from './start-files.ts';
import { StoreKeeper } from './store-keeper.ts';

/**
 * The engine of a tab, open, as far as the newest release's settings and the user's answer allow one. A chunk of its own
 * in the build, so that only a leader loads it.
 *
 * @throws ProtocolError for a manifest that this version cannot read
 */
export async function startEngine(
  scope: string,
  releases: Releases,
  agreed: boolean,
  events: EngineEvents,
): Promise<Engine | Declined> {
  const { config } = releases;
  const manifests = decodeAll(releases);
  let current = manifests;
  const settings = settingsOf(manifests);
  if (settings === undefined) return 'off';
  const clock = systemClock();
  const owner = { app: config.app, scope };
  const database = openBrowserDatabase(owner);
  const { chunks: store } = database;
  const startCache = new StartCache({ store, caches, scope, name: storageName(owner), fetch: (url) => fetch(url) });
  const keeping = {
    clock,
    now: Date.now,
    uses: async () => decodeUses(await database.records.get(FIGURES_RECORD)),
    otherBytes: () => startCache.bytes(),
    storage: (navigator as { readonly storage?: StorageManager }).storage,
    isInstalled: () => matchMedia('(display-mode: standalone)').matches,
  };
  const read = (next: Releases): Manifest[] | undefined => {
    const newer = decodeAll(next);
    const isOther = !isSameDeployment(next.config, config) || newer[0]?.settings !== manifests[0]?.settings;
    return isOther ? undefined : newer;
  };
  if (settings.mode === 'off')
    return idleEngine({ ...keeping, store, manifests, read, closeStore: () => database.close() });
  if (settings.consent === 'ask' && !agreed) return 'consent-wanted';
  const { signal, group, uploadBytesPerSecond } = settings;

  const random = systemRandom();
  const digest = subtleDigest();
  const room = await roomOf(config, group, digest);
  const peers: { signaling: Signaling; dialer: RtcDialer } =
    signal !== '' && 'RTCPeerConnection' in globalThis
      ? {
          signaling: webSocketSignaling({
            url: signalUrl(scope, signal),
            room,
            reach: reachOf(settings.mode),
            clock,
            random,
            connect: (url) => new WebSocket(url),
          }),
          dialer: rtcDialer({ load: loadSimplePeer, clock }),
        }
      : { signaling: noSignaling(), dialer: noDialer() };
  const fromPeers = new PeerReleases({
    config,
    digest,
    clock,
    now: Date.now,
    pull: (peer, manifest, length) => swarm.pullManifest(peer, manifest, length),
    ban: (peer, code) => swarm.ban(peer, code),
    offer: (pointer, manifest) => events.offer(pointer, manifest),
  });
  const swarm = new Swarm(
    {
      clock,
      random,
      digest,
      codec: streamCodec(),
      store,
      origin: engineOrigin({ base: scope, fetch: (input, init) => fetch(input, init) }),
      log: consoleLog(),
      ...peers,
    },
    policyFor(settings, { ...TAB_POLICY, uploadBytesPerSecond }),
    { ...events, onPointer: (peer, pointer) => void fromPeers.handlePointer(peer, pointer) },
  );
  const keeper = new StoreKeeper({
    ...keeping,
    store,
    manifests: () => current,
    copiesOf: (chunk) => swarm.copiesOf(chunk),
    drop: (chunks) => swarm.drop(chunks),
  });
  const close = async (): Promise<void> => {
    keeper.close();
    const closed = swarm.close();
    // A page that is put away has this turn only: an open connection would cost it the back/forward cache.
    peers.dialer.cut();
    await closed;
    await database.close();
  };
  let told = '';
  const setNews = ({ pointers: [first], manifests: [newest] }: Releases): void => {
    if (first === undefined || newest === undefined) return;
    const bytes = new Uint8Array(first);
    // A worker that restarted sends what is known already; telling every peer again would be noise.
    if (bytes.join() === told) return;
    told = bytes.join();
    const { pointer } = decodePointer(bytes);
    fromPeers.setKnown(pointer);
    swarm.setNews({ pointer: bytes, manifestHash: pointer.manifestHash, manifest: new Uint8Array(newest) });
  };
  swarm.setReleases(manifests);
  setNews(releases);
  try {
    await swarm.start();
  } catch (cause) {
    await close();
    throw cause;
  }

  return {
    setReleases(next) {
      const newer = read(next);
      if (newer === undefined) return false;
      if (sequencesOf(newer) !== sequencesOf(current)) swarm.setReleases(newer);
      current = newer;
      setNews(next);
      return true;
    },
    fetch: (chunks, urgency, receiver) => swarm.fetch(chunks, urgency, receiver),
    noteStored: (chunks) => swarm.noteStored(chunks),
    setUploading: (uploading) => swarm.setUploading(uploading),
    get peerCount() {
      return swarm.peerCount;
    },
    close,
  };
}

/** The manifest that a pointer names, made of those that are here, and not verified. Here, as it shares parts with the engine. */
export function manifestOf(scope: string, pointer: Pointer): Promise<Uint8Array<ArrayBuffer> | undefined> {
  return patchManifest(scope, pointer);
}

/** Here, as it is made of the same parts. */
export function createStaging(ports: StagingPorts): Staging {
  return new Staging(ports);
}

/** Here, too. */
export function createStartFiles(scope: string): StartFiles {
  return new StartFiles(scope);
}

function decodeAll({ manifests }: Releases): Manifest[] {
  return manifests.map((bytes) => decodeManifest(new Uint8Array(bytes)));
}

function settingsOf([newest]: readonly Manifest[]): Settings | undefined {
  return newest && decodeSettings(newest.settings);
}

/** Releases are immutable: a sequence number says which one it is. */
function sequencesOf(manifests: readonly Manifest[]): string {
  return manifests.map(({ sequence }) => sequence).join();
}

/** App, channel and keys name the swarm's room. */
function isSameDeployment(one: WorkerConfig, other: WorkerConfig): boolean {
  return one.app === other.app && one.channel === other.channel && one.keys.join() === other.keys.join();
}
