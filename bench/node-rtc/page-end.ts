import type { Browser, Page } from 'playwright';
import type { RtcLibrary } from '../../src/node/rtc-library.ts';
import type { SimplePeerConstructor, SimplePeerInstance } from '../../src/platform/simple-peer.ts';
import type { PeerSignal } from '../../src/protocol/signal-message.ts';
import { End } from './end.ts';

type RawPeer = SimplePeerInstance & { readonly _channel: RTCDataChannel };

declare global {
  var SimplePeer: SimplePeerConstructor;
  var rawPeer: RawPeer;
}

const LIBRARY = new URL('../../node_modules/simple-peer/simplepeer.min.js', import.meta.url).pathname;
const LIMIT_MS = 60_000;

/** Seconds for so many bytes from a Node process to a page and back again. */
export async function exchangeWithPage(
  library: RtcLibrary,
  browser: Browser,
  blankUrl: string,
  bytes: number,
): Promise<{ toPage: number; fromPage: number }> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(blankUrl);
  const end = await End.start(library);
  try {
    await connectPage(page, end);
    const toPage = await receive(page, end, bytes);
    const fromPage = await send(page, end, bytes);
    return { toPage, fromPage };
  } finally {
    end.stop();
    await context.close();
  }
}

async function connectPage(page: Page, end: End): Promise<void> {
  await page.exposeFunction('tellEnd', (data: { type: string; sdp?: string; candidate?: object }) => {
    const signal = { type: data.type, sdp: data.sdp, ...data.candidate } as unknown as PeerSignal;
    end.tell({ type: 'signal', link: 0, signal });
  });
  await page.addScriptTag({ path: LIBRARY });
  await page.evaluate(() => {
    globalThis.rawPeer = new SimplePeer({
      initiator: false,
      channelConfig: { negotiated: true, id: 0 },
      config: { iceServers: [] },
    }) as RawPeer;
    const page = globalThis as unknown as { tellEnd(data: unknown): void };
    rawPeer.on('signal', (data) => page.tellEnd(data));
  });
  end.onSignal = ({ signal }) => {
    const data =
      signal.type === 'candidate'
        ? { type: 'candidate', candidate: { ...signal, sdpMLineIndex: signal.sdpMLineIndex ?? 0 } }
        : signal;
    void page.evaluate((received) => rawPeer.signal(received), data);
  };
  const open = end.next('open', () => true, LIMIT_MS);
  end.tell({ type: 'dial', link: 0, initiator: true });
  await open;
}

async function receive(page: Page, end: End, bytes: number): Promise<number> {
  const seconds = page.evaluate(
    (total) =>
      new Promise<number>((resolve) => {
        const startMs = performance.now();
        let received = 0;
        rawPeer.on('data', (chunk) => {
          received += chunk.length;
          if (received >= total) resolve((performance.now() - startMs) / 1000);
        });
      }),
    bytes,
  );
  end.tell({ type: 'send', link: 0, bytes });
  return seconds;
}

async function send(page: Page, end: End, bytes: number): Promise<number> {
  const arrived = end.next('received', (report) => report.bytes >= bytes, LIMIT_MS);
  const startMs = performance.now();
  await page.evaluate(async (total) => {
    const channel = rawPeer._channel;
    const message = new Uint8Array(64 * 1024);
    channel.bufferedAmountLowThreshold = 256 * 1024;
    for (let sent = 0; sent < total; sent += message.length) {
      if (channel.bufferedAmount >= 1024 * 1024) {
        await new Promise((resolve) => {
          channel.addEventListener('bufferedamountlow', resolve, { once: true });
        });
      }
      rawPeer.send(message);
    }
  }, bytes);
  await arrived;
  return (performance.now() - startMs) / 1000;
}
