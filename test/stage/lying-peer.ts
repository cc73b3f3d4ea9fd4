import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import wrtc from '@roamhq/wrtc';
import { WebSocket } from 'ws';
import { Catalog } from '../../src/core/catalog.ts';
import { Holdings } from '../../src/core/holdings.ts';
import { PeerSession, type SessionHost } from '../../src/core/peer-session.ts';
import { NODE_POLICY } from '../../src/core/policy.ts';
import type { StoredChunk } from '../../src/core/ports.ts';
import { Roster } from '../../src/core/roster.ts';
import { UploadCap } from '../../src/core/upload-cap.ts';
import { silentLog } from '../../src/platform/log.ts';
import { roomOf } from '../../src/platform/room-name.ts';
import { rtcDialer } from '../../src/platform/rtc-dialer.ts';
import { loadSimplePeer } from '../../src/platform/simple-peer.ts';
import { subtleDigest } from '../../src/platform/subtle-digest.ts';
import { systemClock, systemRandom } from '../../src/platform/system-clock.ts';
import { webSocketSignaling } from '../../src/platform/web-socket-signaling.ts';
import { packPath } from '../../src/protocol/layout.ts';
import type { Manifest } from '../../src/protocol/manifest.ts';
import { decodeSettings } from '../../src/protocol/settings.ts';
import type { WorkerConfig } from '../../src/protocol/worker-config.ts';

/** A peer over a real data channel that has every chunk and flips a bit in each that it sends. */
export class LyingPeer {
  /** Resolves when a victim has hung up on it, after it was sent something. */
  readonly dropped: Promise<void>;
  liesTold = 0;
  readonly #roster: Roster;

  private constructor(roster: (liar: LyingPeer, onDropped: () => void) => Roster) {
    let drop = (): void => undefined;
    this.dropped = new Promise((resolve) => {
      drop = resolve;
    });
    this.#roster = roster(this, () => drop());
    this.#roster.open();
  }

  static async join(url: string, out: string, config: WorkerConfig, manifest: Manifest): Promise<LyingPeer> {
    const catalog = new Catalog([manifest]);
    const chunks = new Map<string, StoredChunk>();
    for (const pack of catalog.packs.values()) {
      const bytes = new Uint8Array(await readFile(join(out, packPath(pack.id))));
      pack.chunks.forEach(({ id, encoding }, index) => {
        const wrong = bytes.slice(pack.offsets[index], pack.offsets[index + 1]);
        wrong[wrong.length >> 1] = (wrong[wrong.length >> 1] ?? 0) ^ 4;
        chunks.set(id, { encoding, bytes: wrong });
      });
    }
    const holdings = new Holdings();
    holdings.add(chunks.keys(), catalog);
    const clock = systemClock();
    const room = await roomOf(config, subtleDigest());
    const signalUrl = `${url.replace('http', 'ws')}/${decodeSettings(manifest.settings).signal}`;
    return new LyingPeer((liar, onDropped) => {
      const host: SessionHost = {
        uploadCap: new UploadCap(clock, undefined),
        now: () => clock.now(),
        pack: (id) => catalog.packs.get(id),
        onOffer: () => undefined,
        onChunk: () => undefined,
        onRefused: () => undefined,
        onUnneeded: () => undefined,
        onEnd: () => {
          if (liar.liesTold > 0) onDropped();
        },
        read: (ids) => {
          liar.liesTold += ids.length;
          return Promise.resolve(ids.map((id) => chunks.get(id)));
        },
        onUploaded: () => undefined,
      };
      const ports = {
        clock,
        random: systemRandom(),
        log: silentLog(),
        signaling: webSocketSignaling({
          url: signalUrl,
          room,
          clock,
          random: systemRandom(),
          connect: (target) => new WebSocket(target),
        }),
        dialer: rtcDialer({ load: loadSimplePeer, wrtc, clock }),
      };
      return new Roster(ports, NODE_POLICY, {
        onLink: (peer, link) => new PeerSession(peer, link, host).start(catalog.packs.values(), holdings),
        onChange: () => undefined,
      });
    });
  }

  async close(): Promise<void> {
    await this.#roster.close();
  }
}
