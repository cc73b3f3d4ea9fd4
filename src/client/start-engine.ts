import { TAB_POLICY } from '../core/policy.ts';
import type { Dialer, Signaling } from '../core/ports.ts';
import { Swarm } from '../core/swarm.ts';
import { httpOrigin } from '../platform/http-origin.ts';
import { openBrowserDatabase } from '../platform/idb-database.ts';
import { consoleLog } from '../platform/log.ts';
import { roomOf } from '../platform/room-name.ts';
import { rtcDialer } from '../platform/rtc-dialer.ts';
import { streamCodec } from '../platform/stream-codec.ts';
import { subtleDigest } from '../platform/subtle-digest.ts';
import { systemClock, systemRandom } from '../platform/system-clock.ts';
import { webSocketSignaling } from '../platform/web-socket-signaling.ts';
import type { Engine, EngineOptions } from './engine.ts';
import { noDialer, noSignaling } from './no-peers.ts';
import { signalUrl } from './signal-url.ts';

/** The engine of a tab, open. A chunk of its own in the build: only a leader loads it. */
export async function startEngine(scope: string, options: EngineOptions): Promise<Engine> {
  const { config, settings, manifests, events } = options;
  const clock = systemClock();
  const random = systemRandom();
  const digest = subtleDigest();
  const database = openBrowserDatabase({ app: config.app, scope });
  const url = signalUrl(settings.signal, scope);
  const room = await roomOf(config, digest);
  const peers: { signaling: Signaling; dialer: Dialer } =
    url !== undefined && 'RTCPeerConnection' in globalThis
      ? {
          signaling: webSocketSignaling({ url, room, clock, random, connect: (address) => new WebSocket(address) }),
          dialer: rtcDialer({ load: loadSimplePeer, clock }),
        }
      : { signaling: noSignaling(), dialer: noDialer() };
  const swarm = new Swarm(
    {
      clock,
      random,
      digest,
      codec: streamCodec(),
      store: database.chunks,
      origin: httpOrigin({ base: scope, fetch: fetch.bind(globalThis) }),
      log: consoleLog(),
      ...peers,
    },
    TAB_POLICY,
    events,
  );
  swarm.setReleases(manifests);
  const close = async (): Promise<void> => {
    await swarm.close();
    await database.close();
  };
  try {
    await swarm.start();
  } catch (cause) {
    await close();
    throw cause;
  }
  return {
    setReleases: (releases) => swarm.setReleases(releases),
    fetch: (chunks, urgency, receiver) => swarm.fetch(chunks, urgency, receiver),
    noteStored: (chunks) => swarm.noteStored(chunks),
    get peerCount() {
      return swarm.peerCount;
    },
    close,
  };
}

async function loadSimplePeer(): Promise<typeof import('simple-peer/simplepeer.min.js').default> {
  return (await import('simple-peer/simplepeer.min.js')).default;
}
