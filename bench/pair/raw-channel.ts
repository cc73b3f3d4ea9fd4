import type { SimplePeerConstructor, SimplePeerInstance } from '../../src/platform/simple-peer.ts';
import type { BarePage } from '../stage/bare-browser.ts';

type RawPeer = SimplePeerInstance & { readonly _channel: RTCDataChannel };

declare global {
  var SimplePeer: SimplePeerConstructor;
  var rawPeer: RawPeer;
}

const MESSAGE_BYTES = 64 * 1024;
const HIGH_WATER_BYTES = 1024 * 1024;
const LOW_WATER_BYTES = 256 * 1024;
const LIBRARY = new URL('../../node_modules/simple-peer/simplepeer.min.js', import.meta.url).pathname;

/** Puts simple-peer into a blank page and makes its end; resolves with the signal for the other end. */
export async function openEnd(page: BarePage, offer: unknown): Promise<unknown> {
  await page.addScriptTag({ path: LIBRARY });
  return page.evaluate(
    (received) =>
      new Promise((resolve) => {
        const initiator = received === null;
        globalThis.rawPeer = new SimplePeer({ initiator, trickle: false, config: { iceServers: [] } }) as RawPeer;
        rawPeer.on('signal', resolve);
        if (!initiator) rawPeer.signal(received);
      }),
    offer ?? null,
  );
}

/** Completes the handshake from the initiator's side. */
export async function connect(initiator: BarePage, answer: unknown): Promise<void> {
  await initiator.evaluate(
    (signal) =>
      new Promise<void>((resolve) => {
        rawPeer.once('connect', resolve);
        rawPeer.signal(signal);
      }),
    answer,
  );
}

/** Answers each message of the other end with `bytes` bytes, as fast as the channel takes them. */
export async function serveBytes(page: BarePage, bytes: number): Promise<void> {
  await page.evaluate(
    ({ total, messageBytes, high, low }) => {
      const message = crypto.getRandomValues(new Uint8Array(messageBytes));
      // No function here has a name: the compiler would wrap it in a helper that the page does not have.
      rawPeer.on(
        'data',
        () =>
          void (async () => {
            const channel = rawPeer._channel;
            channel.bufferedAmountLowThreshold = low;
            for (let sent = 0; sent < total; sent += messageBytes) {
              if (channel.bufferedAmount >= high) {
                await new Promise((resolve) => {
                  channel.addEventListener('bufferedamountlow', resolve, { once: true });
                });
              }
              rawPeer.send(message);
            }
          })(),
      );
    },
    { total: bytes, messageBytes: MESSAGE_BYTES, high: HIGH_WATER_BYTES, low: LOW_WATER_BYTES },
  );
}

/** Asks the other end for its bytes; resolves with the seconds until the last one. */
export async function receiveBytes(page: BarePage, bytes: number): Promise<number> {
  return page.evaluate(
    (total) =>
      new Promise<number>((resolve) => {
        const startMs = performance.now();
        let received = 0;
        rawPeer.on('data', (chunk) => {
          received += chunk.length;
          if (received < total) return;
          resolve((performance.now() - startMs) / 1000);
        });
        if (rawPeer.connected) rawPeer.send(new Uint8Array(1));
        else rawPeer.once('connect', () => rawPeer.send(new Uint8Array(1)));
      }),
    bytes,
  );
}
