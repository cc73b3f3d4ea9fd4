import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import wrtc from '@roamhq/wrtc';
import { dataChannelOf, loadSimplePeer, type SimplePeerInstance } from '../../src/platform/simple-peer.ts';

const MESSAGE_BYTES = 64 * 1024;
const HIGH_WATER_BYTES = 1024 * 1024;
/** wrtc has no `bufferedamountlow`: look this often. */
const POLL_MS = 4;

/** The sending end of a raw channel in Node: answers each message with so many bytes. */
export class NodeRawEnd {
  readonly #peer: SimplePeerInstance;
  readonly #offer: Promise<unknown>;

  private constructor(peer: SimplePeerInstance, bytes: number) {
    this.#peer = peer;
    this.#offer = new Promise((resolve) => {
      peer.once('signal', resolve);
    });
    peer.on('data', () => void this.#serve(bytes));
  }

  static async open(bytes: number): Promise<NodeRawEnd> {
    const SimplePeer = await loadSimplePeer();
    return new NodeRawEnd(new SimplePeer({ initiator: true, trickle: false, wrtc, config: { iceServers: [] } }), bytes);
  }

  offer(): Promise<unknown> {
    return this.#offer;
  }

  async connect(answer: unknown): Promise<void> {
    const connected = new Promise<void>((resolve) => {
      this.#peer.once('connect', resolve);
    });
    this.#peer.signal(answer);
    await connected;
  }

  close(): void {
    this.#peer.destroy();
  }

  async #serve(bytes: number): Promise<void> {
    const message = randomBytes(MESSAGE_BYTES);
    const channel = dataChannelOf(this.#peer);
    if (channel === undefined) throw new Error('data without a channel');
    for (let sent = 0; sent < bytes; sent += MESSAGE_BYTES) {
      while (channel.bufferedAmount >= HIGH_WATER_BYTES) await delay(POLL_MS);
      this.#peer.send(message);
    }
  }
}
