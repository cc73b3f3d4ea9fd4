import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import wrtc from '@roamhq/wrtc';
import SimplePeer from 'simple-peer';

const MESSAGE_BYTES = 64 * 1024;
const HIGH_WATER_BYTES = 1024 * 1024;
/** wrtc has no `bufferedamountlow`: look this often. */
const POLL_MS = 4;

/** The sending end of a raw channel in Node: answers each message with so many bytes. */
export class NodeRawEnd {
  readonly #peer: SimplePeer.Instance;
  readonly #offer: Promise<unknown>;

  constructor(bytes: number) {
    this.#peer = new SimplePeer({ initiator: true, trickle: false, wrtc, config: { iceServers: [] } });
    this.#offer = new Promise((resolve) => {
      this.#peer.once('signal', resolve);
    });
    this.#peer.on('data', () => void this.#serve(bytes));
  }

  offer(): Promise<unknown> {
    return this.#offer;
  }

  async connect(answer: unknown): Promise<void> {
    const connected = new Promise<void>((resolve) => {
      this.#peer.once('connect', resolve);
    });
    this.#peer.signal(answer as SimplePeer.SignalData);
    await connected;
  }

  close(): void {
    this.#peer.destroy();
  }

  async #serve(bytes: number): Promise<void> {
    const message = randomBytes(MESSAGE_BYTES);
    const channel = (this.#peer as unknown as { _channel: RTCDataChannel })._channel;
    for (let sent = 0; sent < bytes; sent += MESSAGE_BYTES) {
      while (channel.bufferedAmount >= HIGH_WATER_BYTES) await delay(POLL_MS);
      this.#peer.send(message);
    }
  }
}
