import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import nodeDataChannel from 'node-datachannel';
import { WebSocket } from 'ws';
import { Bitfield } from '../../src/core/bitfield.ts';
import { Catalog, type CatalogPack, chunkAt } from '../../src/core/catalog.ts';
import type { Dialer, Dialing, PeerLink, Signaling, StoredChunk } from '../../src/core/ports.ts';
import { dataChannelDialer } from '../../src/node/datachannel-dialer.ts';
import { roomOf } from '../../src/platform/room-name.ts';
import { subtleDigest } from '../../src/platform/subtle-digest.ts';
import { systemClock, systemRandom } from '../../src/platform/system-clock.ts';
import { webSocketSignaling } from '../../src/platform/web-socket-signaling.ts';
import { newInstanceId } from '../../src/protocol/hash-bytes.ts';
import type { InstanceId, PeerId } from '../../src/protocol/identifier.ts';
import { packPath } from '../../src/protocol/layout.ts';
import { MAX_FRAGMENT_BYTES } from '../../src/protocol/limits.ts';
import { decodePeerMessage, encodePeerMessage, type PeerMessage } from '../../src/protocol/peer-message.ts';
import { decodeSettings } from '../../src/protocol/settings.ts';
import { PROTOCOL_VERSION } from '../../src/protocol/version.ts';
import type { PublishedApp } from './app.ts';

/** Of an app: what a peer of its swarm has to know. */
export type SwarmApp = Pick<PublishedApp, 'manifest' | 'out' | 'config'>;

export type PeerRequest = PeerMessage & { type: 'request' };
type ManifestRequest = PeerMessage & { type: 'manifest-request' };

/** What a hostile peer does. Nothing is done for it: without `onOpen` it is silent. */
export interface HostileScript {
  onOpen?(wire: HostileWire): void;
  onRequest?(wire: HostileWire, request: PeerRequest): void;
  onManifestRequest?(wire: HostileWire, request: ManifestRequest): void;
}

/** The hostile end of one connection: says whatever it is told to. */
export class HostileWire {
  /** Everything that the victim has said. */
  readonly heard: PeerMessage[] = [];
  isOpen = true;
  readonly app: HostileApp;
  readonly instance: InstanceId;
  readonly #link: PeerLink;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    peer: { app: HostileApp; instance: InstanceId },
    link: PeerLink,
    script: HostileScript,
    onClose: () => void,
  ) {
    this.app = peer.app;
    this.instance = peer.instance;
    this.#link = link;
    link.bind({
      onFrame: (frame) => {
        const message = decodePeerMessage(frame);
        this.heard.push(message);
        if (message.type === 'request') script.onRequest?.(this, message);
        if (message.type === 'manifest-request') script.onManifestRequest?.(this, message);
      },
      onWritable: () => undefined,
      onClose: () => {
        this.isOpen = false;
        clearInterval(this.#timer);
        onClose();
      },
    });
    script.onOpen?.(this);
  }

  say(...messages: PeerMessage[]): void {
    for (const message of messages) this.#link.send(encodePeerMessage(message));
  }

  sayBytes(bytes: Uint8Array): void {
    this.#link.send(bytes);
  }

  /** Says hello, and nothing of chunks. */
  greet(): void {
    this.say({ type: 'hello', version: PROTOCOL_VERSION, instance: this.instance, packs: [] });
  }

  /** Says hello and that it has every chunk of the app. */
  claimEverything(): void {
    const { packs } = this.app;
    const announced = packs.map(({ id, chunks }) => ({ id, chunkCount: chunks.length }));
    this.say({ type: 'hello', version: PROTOCOL_VERSION, instance: this.instance, packs: announced });
    for (const [pack, { chunks }] of packs.entries()) {
      const bits = new Bitfield(chunks.length);
      for (let index = 0; index < chunks.length; index += 1) bits.set(index);
      this.say({ type: 'bitfield', pack, bits: bits.toBytes() });
    }
  }

  /** Answers a request as an honest peer does, but with these bytes for each chunk. */
  answer({ request, pack, first, count }: PeerRequest, bytesOf: (honest: StoredChunk) => StoredChunk): void {
    for (let index = first; index < first + count; index += 1) {
      const { encoding, bytes } = bytesOf(this.app.chunk(this.victimPack(pack), index));
      for (let offset = 0; offset < bytes.length; offset += MAX_FRAGMENT_BYTES) {
        const fragment = bytes.subarray(offset, offset + MAX_FRAGMENT_BYTES);
        this.say({
          type: 'data',
          request,
          chunk: index,
          encoding,
          encodedBytes: bytes.length,
          offset,
          bytes: fragment,
        });
      }
    }
  }

  /** The pack that the victim means by its number. */
  victimPack(pack: number): CatalogPack {
    const announced = this.heard.flatMap((message) =>
      message.type === 'hello' || message.type === 'packs' ? message.packs : [],
    );
    const found = this.app.packs.find(({ id }) => id === announced[pack]?.id);
    if (found === undefined) throw new Error('the victim asks for a pack of another release');
    return found;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#link.close();
  }

  /** Does something again and again, as long as it is connected. */
  repeat(everyMs: number, act: () => void): void {
    this.#timer = setInterval(act, everyMs);
  }
}

/** What a hostile peer knows of the app: everything. */
export class HostileApp {
  readonly packs: readonly CatalogPack[];
  readonly #bytes: ReadonlyMap<string, Uint8Array>;

  private constructor(packs: readonly CatalogPack[], bytes: ReadonlyMap<string, Uint8Array>) {
    this.packs = packs;
    this.#bytes = bytes;
  }

  static async of({ manifest, out }: SwarmApp): Promise<HostileApp> {
    const packs = [...new Catalog([manifest]).packs.values()];
    const bytes = new Map<string, Uint8Array>();
    for (const { id } of packs) bytes.set(id, new Uint8Array(await readFile(join(out, packPath(id)))));
    return new HostileApp(packs, bytes);
  }

  chunk(pack: CatalogPack, index: number): StoredChunk {
    const { encoding } = chunkAt({ pack, index });
    const bytes = this.#bytes.get(pack.id)?.slice(pack.offsets[index], pack.offsets[index + 1]);
    if (bytes === undefined) throw new Error('no such pack');
    return { encoding, bytes };
  }
}

/** A peer over real data channels that follows a script, and looks for its victims again when they have hung up. */
export class HostilePeer {
  /** Every connection that came about, in order. */
  readonly wires: HostileWire[] = [];
  /** Of its own: of two sessions with one instance, a victim keeps one. */
  readonly instance = newInstanceId(Math.random);
  readonly app: HostileApp;
  readonly #script: HostileScript;
  readonly #signaling: Signaling;
  readonly #dialer: Dialer;
  readonly #dialings = new Map<PeerId, Dialing>();
  #refusals = 0;
  #isClosed = false;
  #wake: (() => void)[] = [];

  private constructor(app: HostileApp, signaling: Signaling, dialer: Dialer, script: HostileScript) {
    this.app = app;
    this.#script = script;
    this.#signaling = signaling;
    this.#dialer = dialer;
  }

  /** Resolves when it is in the room. */
  static async join(url: string, app: SwarmApp, script: HostileScript): Promise<HostilePeer> {
    const [clock, random] = [systemClock(), systemRandom()];
    const signaling = webSocketSignaling({
      url: `${url.replace('http', 'ws')}/${decodeSettings(app.manifest.settings).signal}`,
      room: await roomOf(app.config, undefined, subtleDigest()),
      reach: 'any',
      clock,
      random,
      connect: (target) => new WebSocket(target),
    });
    // Not wrtc: it may take the process of the tests with it.
    const dialer = dataChannelDialer(nodeDataChannel, clock);
    const peer = new HostilePeer(await HostileApp.of(app), signaling, dialer, script);
    await peer.#open();
    return peer;
  }

  /** Resolves when a victim has hung up. */
  async dropped(): Promise<void> {
    await this.#until(() => this.wires.some(({ isOpen }) => !isOpen));
  }

  /** Resolves when it was introduced to somebody who did not want to connect. */
  async shunned(): Promise<void> {
    await this.#until(() => this.#refusals > 0);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#signaling.close();
    for (const dialing of this.#dialings.values()) dialing.close();
    for (const wire of this.wires) if (wire.isOpen) wire.close();
  }

  #open(): Promise<void> {
    return new Promise((resolve) => {
      this.#signaling.open({
        onWelcome: () => {
          this.#signaling.match(8);
          resolve();
        },
        onPartner: ({ peer, initiator }) => this.#dial(peer, initiator),
        onSignal: (from, signal) => this.#dialings.get(from)?.handleSignal(signal),
        onGone: (peer) => {
          if (!this.#dialings.has(peer)) return;
          this.#dialings.get(peer)?.close();
          this.#dialings.delete(peer);
          this.#refusals += 1;
          this.#tell();
        },
        onLeases: () => undefined,
        onDown: () => undefined,
      });
    });
  }

  #dial(peer: PeerId, initiator: boolean): void {
    if (this.#isClosed) return;
    const dialing = this.#dialer.dial(
      { peer, initiator, iceServers: [] },
      {
        onSignal: (signal) => this.#signaling.send(peer, signal),
        onOpen: (link) => {
          this.#dialings.delete(peer);
          if (this.#isClosed) {
            link.close();
            return;
          }
          this.wires.push(new HostileWire(this, link, this.#script, () => this.#onClose(peer)));
        },
        onFailed: () => this.#onClose(peer),
      },
    );
    this.#dialings.set(peer, dialing);
  }

  /** Asks for the same victim again: a dissolved pair is matched where there is nobody else. */
  #onClose(peer: PeerId): void {
    this.#dialings.delete(peer);
    if (!this.#isClosed) {
      this.#signaling.unmatch(peer);
      this.#signaling.match(8);
    }
    this.#tell();
  }

  #tell(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }
}
