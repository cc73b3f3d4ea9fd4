import { TAB_POLICY } from '../core/policy.ts';
import type { Dialer, Signaling } from '../core/ports.ts';
import { Swarm } from '../core/swarm.ts';
import { httpOrigin } from '../platform/http-origin.ts';
import { openBrowserDatabase } from '../platform/idb-database.ts';
import { consoleLog } from '../platform/log.ts';
import { roomOf } from '../platform/room-name.ts';
import { rtcDialer } from '../platform/rtc-dialer.ts';
import { signalUrl } from '../platform/signal-url.ts';
import type { SimplePeerConstructor } from '../platform/simple-peer.ts';
import { streamCodec } from '../platform/stream-codec.ts';
import { subtleDigest } from '../platform/subtle-digest.ts';
import { systemClock, systemRandom } from '../platform/system-clock.ts';
import { webSocketSignaling } from '../platform/web-socket-signaling.ts';
import { decodeManifest, type Manifest } from '../protocol/manifest.ts';
import { decodeSettings } from '../protocol/settings.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';
import type { Engine, Releases, SwarmEvents } from './engine.ts';
import { noDialer, noSignaling } from './no-peers.ts';

/**
 * The engine of a tab, open; `undefined` when the newest release's mode allows no peers. A chunk of its own in the
 * build, so that only a leader loads it.
 *
 * @throws ProtocolError for a manifest that this version cannot read
 */
export async function startEngine(scope: string, releases: Releases, events: SwarmEvents): Promise<Engine | undefined> {
  const { config } = releases;
  const manifests = decodeAll(releases);
  const signal = signalOf(manifests);
  if (signal === undefined) return undefined;

  const clock = systemClock();
  const random = systemRandom();
  const digest = subtleDigest();
  const room = await roomOf(config, digest);
  const peers: { signaling: Signaling; dialer: Dialer } =
    signal !== '' && 'RTCPeerConnection' in globalThis
      ? {
          signaling: webSocketSignaling({
            url: signalUrl(scope, signal),
            room,
            clock,
            random,
            connect: (url) => new WebSocket(url),
          }),
          dialer: rtcDialer({ load: loadSimplePeer, clock }),
        }
      : { signaling: noSignaling(), dialer: noDialer() };
  const database = openBrowserDatabase({ app: config.app, scope });
  const swarm = new Swarm(
    {
      clock,
      random,
      digest,
      codec: streamCodec(),
      store: database.chunks,
      origin: httpOrigin({ base: scope, fetch: (input, init) => fetch(input, init) }),
      log: consoleLog(),
      ...peers,
    },
    TAB_POLICY,
    events,
  );
  const close = async (): Promise<void> => {
    await swarm.close();
    await database.close();
  };
  swarm.setReleases(manifests);
  try {
    await swarm.start();
  } catch (cause) {
    await close();
    throw cause;
  }

  let known = sequencesOf(manifests);
  return {
    setReleases(next) {
      const newer = decodeAll(next);
      if (!isSameDeployment(next.config, config) || signalOf(newer) !== signal) return false;
      // A worker that restarted sends what is known already; telling every peer again would be noise.
      if (sequencesOf(newer) !== known) swarm.setReleases(newer);
      known = sequencesOf(newer);
      return true;
    },
    fetch: (chunks, urgency, receiver) => swarm.fetch(chunks, urgency, receiver),
    noteStored: (chunks) => swarm.noteStored(chunks),
    get peerCount() {
      return swarm.peerCount;
    },
    close,
  };
}

function decodeAll({ manifests }: Releases): Manifest[] {
  return manifests.map((bytes) => decodeManifest(new Uint8Array(bytes)));
}

/** The newest release's signaling server, `undefined` where its mode is `off`. */
function signalOf([newest]: readonly Manifest[]): string | undefined {
  if (newest === undefined) return undefined;
  const { mode, signal } = decodeSettings(newest.settings);
  return mode === 'off' ? undefined : signal;
}

/** Releases are immutable: a sequence number says which one it is. */
function sequencesOf(manifests: readonly Manifest[]): string {
  return manifests.map(({ sequence }) => sequence).join();
}

/** App, channel and keys name the swarm's room. */
function isSameDeployment(one: WorkerConfig, other: WorkerConfig): boolean {
  return one.app === other.app && one.channel === other.channel && one.keys.join() === other.keys.join();
}

async function loadSimplePeer(): Promise<SimplePeerConstructor> {
  return (await import('simple-peer/simplepeer.min.js')).default;
}
