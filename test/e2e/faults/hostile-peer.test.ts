import { randomBytes } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createNodePeer } from '../../../src/node/index.ts';
import type { AnnouncedPack } from '../../../src/protocol/peer-message.ts';
import { PROTOCOL_VERSION } from '../../../src/protocol/version.ts';
import { bulkApp, type PublishedApp } from '../../stage/app.ts';
import { HostilePeer, type HostileScript, type HostileWire } from '../../stage/hostile-peer.ts';
import { pageMemory } from '../../stage/page-memory.ts';
import { Stage } from '../../stage/stage.ts';

const BULK_BYTES = 4_000_000;
/** What a page may keep of an attack, after a garbage collection: objects, and all of its process beyond the file. */
const HEAP_GROWTH_MB = 4;
const PROCESS_GROWTH_MB = 60;

let app: PublishedApp;
let stage: Stage;
let browser: Browser;
let page: Page;
const closing: { close(): Promise<unknown> }[] = [];

beforeAll(async () => {
  app = await bulkApp({ 'bulk.bin': BULK_BYTES, 'small.bin': 300_000 });
  stage = await Stage.open(app.out);
  browser = await stage.browser();
});

beforeEach(async () => {
  page = await (await browser.newContext()).newPage();
  await page.goto(stage.url);
  await page.evaluate(() => tabseed.ready);
});

afterEach(async () => {
  stage.refuse = () => false;
  await Promise.all(closing.splice(0).map((open) => open.close()));
  await page.context().close();
});

afterAll(async () => {
  await stage.close();
  await app.remove();
});

async function attack(script: HostileScript): Promise<HostilePeer> {
  const hostile = await HostilePeer.join(stage.url, app, script);
  closing.push(hostile);
  await expect.poll(() => hostile.wires.length, { timeout: 10_000, interval: 20 }).toBe(1);
  return hostile;
}

/** Fetches a file in the page. */
function fetchFile(path: string): Promise<{ hash: string; seconds: number }> {
  return page.evaluate(async (target) => {
    const startMs = performance.now();
    const body = await (await fetch(target)).arrayBuffer();
    const seconds = (performance.now() - startMs) / 1000;
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
    return { hash: Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join(''), seconds };
  }, path);
}

function stats(): Promise<{ peers: number; bytes: Record<string, number> }> {
  return page.evaluate(() => tabseed.stats());
}

function hello(wire: HostileWire, packs: readonly AnnouncedPack[] = []): void {
  wire.say({ type: 'hello', version: PROTOCOL_VERSION, instance: wire.instance, packs });
}

function unknownPacks(count: number): AnnouncedPack[] {
  return Array.from({ length: count }, () => ({ id: randomBytes(32).toString('hex'), chunkCount: 200 }));
}

/** Says it as often as 1,000 times a second, in portions of 20 ms. */
function flood(wire: HostileWire, act: () => void): void {
  wire.repeat(20, () => {
    for (let message = 0; message < 20; message += 1) act();
  });
}

const claim = (wire: HostileWire): void => wire.claimEverything();

/** Ends in a ban at once: none of them may cost the page more than a moment. */
const OFFENCES: Readonly<Record<string, HostileScript>> = {
  'flips a bit in each chunk': {
    onOpen: claim,
    onRequest: (wire, request) =>
      wire.answer(request, ({ encoding, bytes }) => {
        bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 4;
        return { encoding, bytes };
      }),
  },
  'sends a decompression bomb': {
    onOpen: claim,
    onRequest: (wire, request) => {
      const bomb = new Uint8Array(deflateRawSync(new Uint8Array(10_000_000)));
      wire.answer(request, () => ({ encoding: 'deflate-raw', bytes: bomb }));
    },
  },
  'sends garbage frames': {
    onOpen: (wire) => {
      hello(wire);
      wire.sayBytes(Uint8Array.of(200, ...randomBytes(1000)));
    },
  },
  'sends truncated frames': {
    onOpen: claim,
    // A `data` without its end.
    onRequest: (wire) => wire.sayBytes(Uint8Array.of(8, 0, 0, 0)),
  },
  'sends oversized frames': {
    onOpen: claim,
    onRequest: (wire) => {
      for (let frame = 0; frame < 50; frame += 1) wire.sayBytes(new Uint8Array(200_000).fill(8));
    },
  },
  'sends data that nobody asked for': {
    onOpen: (wire) => {
      wire.claimEverything();
      const bytes = new Uint8Array(60_000);
      for (let request = 0; request < 200; request += 1) {
        wire.say({
          type: 'data',
          request,
          chunk: 0,
          encoding: 'identity',
          encodedBytes: bytes.length,
          offset: 0,
          bytes,
        });
      }
    },
  },
  'says hello twice': {
    onOpen: (wire) => {
      hello(wire);
      hello(wire);
    },
  },
  'floods with thousands of requests': {
    onOpen: (wire) => {
      wire.claimEverything();
      for (let request = 0; request < 5000; request += 1) {
        wire.say({ type: 'request', request, pack: 0, first: 0, count: 1 });
      }
    },
  },
  'asks and cancels for ever': {
    onOpen: (wire) => {
      wire.claimEverything();
      let request = 0;
      flood(wire, () => {
        wire.say({ type: 'request', request, pack: 0, first: 0, count: 16 }, { type: 'cancel', request });
        request += 1;
      });
    },
  },
  'sends 1,000 tiny messages a second': {
    onOpen: (wire) => {
      hello(wire);
      flood(wire, () => wire.say({ type: 'ping', token: 7 }));
    },
  },
  'announces thousands of packs that nobody knows, and has them all': {
    onOpen: (wire) => {
      hello(wire);
      for (let list = 0; list < 6; list += 1) wire.say({ type: 'packs', packs: unknownPacks(1000) });
      for (let pack = 0; pack < 4000; pack += 1)
        wire.say({ type: 'bitfield', pack, bits: new Uint8Array(25).fill(255) });
    },
  },
  'sends chunks byte by byte, as fast as it can': {
    onOpen: claim,
    onRequest: (wire, { request, pack, first }) => {
      const { encoding, bytes } = wire.app.chunk(wire.victimPack(pack), first);
      const head = { type: 'data', request, chunk: first, encoding, encodedBytes: bytes.length } as const;
      for (let offset = 0; offset < 5000; offset += 1) {
        wire.say({ ...head, offset, bytes: bytes.subarray(offset, offset + 1) });
      }
    },
  },
};

/** Ends when it has gone on for too long: no ban, but the session is over. */
const DELAYS: Readonly<Record<string, HostileScript>> = {
  'stalls: it connects and says nothing': {},
  'stalls: it claims to have everything and never answers': { onOpen: claim },
  'stalls: it sends a byte a second': {
    onOpen: claim,
    onRequest: (wire, { request, pack, first }) => {
      const { encoding, bytes } = wire.app.chunk(wire.victimPack(pack), first);
      const head = { type: 'data', request, chunk: first, encoding, encodedBytes: bytes.length } as const;
      let offset = 0;
      wire.repeat(1000, () => {
        wire.say({ ...head, offset, bytes: bytes.subarray(offset, offset + 1) });
        offset += 1;
      });
    },
  },
  'lies in `have`: it refuses what it claims to have, and claims it again': {
    onOpen: claim,
    onRequest: (wire, { request }) => {
      wire.say(
        { type: 'reject', request },
        { type: 'have', pack: 0, first: 0, count: wire.app.packs[0]?.chunks.length ?? 1 },
      );
    },
  },
};

describe('a peer that', () => {
  it.each(Object.entries(OFFENCES))('%s is banned, and costs a page nothing', async (_name, script) => {
    const before = await pageMemory(page);
    const hostile = await attack(script);
    const { hash, seconds } = await fetchFile('/bulk.bin');
    expect(hash).toBe(app.hashes.get('bulk.bin'));
    expect(seconds).toBeLessThan(2);
    await hostile.dropped();
    // It looks for its victim again, and is not connected to.
    await hostile.shunned();
    expect(hostile.wires).toHaveLength(1);
    // The page's figures come once a second.
    await expect.poll(stats).toMatchObject({ peers: 0, bytes: { peers: 0, origin: BULK_BYTES } });
    const after = await pageMemory(page);
    expect(after.heapMB - before.heapMB).toBeLessThan(HEAP_GROWTH_MB);
    expect(after.processMB - before.processMB).toBeLessThan(PROCESS_GROWTH_MB);
  });

  it.each(Object.entries(DELAYS))('%s, is left after seconds', async (_name, script) => {
    const hostile = await attack(script);
    // A page that waits for a small file does not wait for this peer.
    const small = await fetchFile('/small.bin');
    expect(small.hash).toBe(app.hashes.get('small.bin'));
    expect(small.seconds).toBeLessThan(1.5);
    const { hash, seconds } = await fetchFile('/bulk.bin');
    expect(hash).toBe(app.hashes.get('bulk.bin'));
    expect(seconds).toBeLessThan(6);
    await hostile.dropped();
    await hostile.shunned();
    expect(hostile.wires).toHaveLength(1);
    await expect.poll(stats).toMatchObject({ peers: 0 });
  });

  it('floods, or stalls, or lies does not keep an honest one from giving the whole file', async () => {
    const seed = await createNodePeer({ url: stage.url, store: await stage.folder(), publicKeys: undefined });
    closing.push(seed);
    await seed.mirrored;
    stage.refuse = (path) => path.includes('/tabseed/pack-') || path === '/bulk.bin';
    await page.reload();
    await page.evaluate(() => tabseed.ready);
    const names = ['flips a bit in each chunk', 'sends 1,000 tiny messages a second'];
    const scripts = [...names.map((name) => OFFENCES[name] ?? {}), { onOpen: claim }];
    for (const script of scripts) closing.push(await HostilePeer.join(stage.url, app, script));
    await expect.poll(async () => (await stats()).peers, { timeout: 10_000, interval: 20 }).toBeGreaterThan(2);
    const { hash, seconds } = await fetchFile('/bulk.bin');
    expect(hash).toBe(app.hashes.get('bulk.bin'));
    expect(seconds).toBeLessThan(6);
    await expect.poll(stats).toMatchObject({ bytes: { peers: BULK_BYTES, origin: 0 } });
  });
});
