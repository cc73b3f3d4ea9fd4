import { randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';
import { Catalog, type CatalogPack } from '../../src/core/catalog.ts';
import { Holdings } from '../../src/core/holdings.ts';
import { PeerSession } from '../../src/core/peer-session.ts';
import type { Dialer, Dialing } from '../../src/core/ports.ts';
import { UploadCap } from '../../src/core/upload-cap.ts';
import { UploadSlots } from '../../src/core/upload-slots.ts';
import { roomOf } from '../../src/platform/room-name.ts';
import { subtleDigest } from '../../src/platform/subtle-digest.ts';
import { systemClock, systemRandom } from '../../src/platform/system-clock.ts';
import { webSocketSignaling } from '../../src/platform/web-socket-signaling.ts';
import { ByteWriter } from '../../src/protocol/bytes.ts';
import { Signal } from '../contract/contract.ts';
import type { PublishedApp } from './app.ts';

/** A peer that connects to the only other one in the room and leaves the room; its connection stays. */
export class AskingPeer {
  readonly #session: PeerSession;
  readonly #pack: CatalogPack;
  readonly #arrived = new Signal();
  #missing: number;

  private constructor(session: (peer: AskingPeer) => PeerSession, pack: CatalogPack) {
    this.#pack = pack;
    this.#missing = pack.chunks.length;
    this.#session = session(this);
  }

  static async connect(url: string, app: PublishedApp, dialer: Dialer): Promise<AskingPeer> {
    const clock = systemClock();
    const catalog = new Catalog([app.manifest]);
    const [pack] = catalog.packs.values();
    if (pack === undefined) throw new Error('no pack');
    const signaling = webSocketSignaling({
      url: `${url.replace('http', 'ws')}/tabseed/signal`,
      room: await roomOf(app.config, undefined, subtleDigest()),
      reach: 'site',
      clock,
      random: systemRandom(),
      connect: (target) => new WebSocket(target),
    });
    const offered = new Signal();
    const peer = await new Promise<AskingPeer>((resolve, reject) => {
      let dialing: Dialing | undefined;
      signaling.open({
        onWelcome: () => signaling.match(1),
        onPartner: ({ peer: id, initiator }) => {
          dialing = dialer.dial(
            { peer: id, initiator, iceServers: [] },
            {
              onSignal: (signal) => signaling.send(id, signal),
              onFailed: (reason) => reject(new Error(reason)),
              onOpen: (link) =>
                resolve(
                  new AskingPeer((self) => {
                    const session = new PeerSession(id, link, {
                      instance: randomBytes(16).toString('hex'),
                      isSiteOnly: false,
                      onGreeting: () => undefined,
                      now: () => clock.now(),
                      pack: (packId) => catalog.packs.get(packId),
                      onOffer: () => offered.resolve(),
                      onHeard: () => undefined,
                      news: () => undefined,
                      onPointer: () => undefined,
                      isElsewhere: () => false,
                      onAvailability: () => undefined,
                      frame: new ByteWriter(),
                      onChunk: () => self.#take(),
                      onRefused: () => undefined,
                      onUnneeded: () => undefined,
                      onEnd: () => undefined,
                      uploadCap: new UploadCap(clock, undefined),
                      uploadSlots: new UploadSlots(clock, new Set()),
                      read: (ids) => Promise.resolve(ids.map(() => undefined)),
                      onUploaded: () => undefined,
                    });
                    session.start(catalog.packs.values(), new Holdings());
                    return session;
                  }, pack),
                ),
            },
          );
        },
        onSignal: (_, signal) => dialing?.handleSignal(signal),
        onGone: () => undefined,
        onLeases: () => undefined,
        onDown: reject,
      });
    });
    await offered.promise;
    await signaling.close();
    return peer;
  }

  /** Asks for the whole first pack; resolves when it has come. */
  async ask(): Promise<void> {
    this.#session.downloads.request({ pack: this.#pack, first: 0, count: this.#pack.chunks.length });
    await this.#arrived.promise;
  }

  close(): void {
    this.#session.close('closed');
  }

  #take(): void {
    this.#missing -= 1;
    if (this.#missing === 0) this.#arrived.resolve();
  }
}
