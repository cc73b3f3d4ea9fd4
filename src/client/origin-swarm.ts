import { TAB_POLICY } from '../core/policy.ts';
import type { ChunkStore } from '../core/ports.ts';
import { Swarm } from '../core/swarm.ts';
import { httpOrigin } from '../platform/http-origin.ts';
import { consoleLog } from '../platform/log.ts';
import { streamCodec } from '../platform/stream-codec.ts';
import { subtleDigest } from '../platform/subtle-digest.ts';
import { systemClock, systemRandom } from '../platform/system-clock.ts';
import type { Manifest } from '../protocol/manifest.ts';
import type { Traffic } from '../protocol/traffic.ts';
import { type GetChunks, getFrom } from './chunk-getter.ts';
import { noDialer, noSignaling } from './no-peers.ts';

/** The origin alone: where there are no peers, may be none, or none has a chunk. */
export function fromOrigin(
  scope: string,
  manifest: Manifest,
  store: ChunkStore,
  onTraffic: (delta: Traffic) => void,
): GetChunks {
  return async (chunks, terms) => {
    const ignore = (): void => undefined;
    const swarm = new Swarm(
      {
        clock: systemClock(),
        random: systemRandom(),
        digest: subtleDigest(),
        codec: streamCodec(),
        store,
        origin: httpOrigin({ base: scope, fetch: (input, init) => fetch(input, init) }),
        log: consoleLog(),
        signaling: noSignaling(),
        dialer: noDialer(),
      },
      TAB_POLICY,
      { onPeers: ignore, onTraffic, onBan: ignore },
    );
    swarm.setReleases([manifest]);
    await swarm.start();
    const left = await getFrom((ids, urgency, receiver) => swarm.fetch(ids, urgency, receiver), chunks, terms);
    // Writes what is left.
    await swarm.close();
    return left;
  };
}
