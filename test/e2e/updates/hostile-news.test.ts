import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { manifestPath, POINTER_PATH } from '../../../src/protocol/layout.ts';
import { decodePointer, MAX_SEQUENCE, type Pointer } from '../../../src/protocol/pointer.ts';
import { generateKey } from '../../../src/publisher/index.ts';
import { readRelease } from '../../stage/app.ts';
import { HostilePeer, type HostileScript, type HostileWire, type SwarmApp } from '../../stage/hostile-peer.ts';
import { pageMemory } from '../../stage/page-memory.ts';
import { POLL } from '../client-site.ts';
import { ended, forgedPointer } from './forged-pointer.ts';
import { seenBy, staged, told, UpdatesSite } from './updates-site.ts';

/** What a page may keep of all these attacks, after a garbage collection. */
const HEAP_GROWTH_MB = 4;
const PROCESS_GROWTH_MB = 60;
/** As an honest peer sends them. */
const PART_BYTES = 65_536;

let site: UpdatesSite;
let tab: Page;
/** Release 1, which the page has, and release 2, of which only peers tell: the origin is away. */
let first: Uint8Array;
let second: Uint8Array;
let manifest: Uint8Array;
let app: SwarmApp;
let before: { heapMB: number; processMB: number };

/** Joins the room with the page, where each script is played by a peer of its own. */
function play(scripts: readonly HostileScript[]): Promise<HostilePeer[]> {
  return Promise.all(scripts.map((script) => HostilePeer.join(site.stage.url, app, script)));
}

function telling(pointer: Uint8Array, script: Omit<HostileScript, 'onOpen'> = {}): HostileScript {
  return {
    ...script,
    onOpen: (wire) => {
      wire.greet();
      wire.say({ type: 'pointer', bytes: pointer });
    },
  };
}

/** Answers each request for a part of the manifest with these bytes. */
function giving(pointer: Uint8Array, part: (offset: number) => Uint8Array): HostileScript {
  return telling(pointer, {
    onManifestRequest: (wire, { offset }) => wire.say({ type: 'manifest-part', bytes: part(offset) }),
  });
}

const forged = (changes: Partial<Pointer>, pem = site.key): Uint8Array => forgedPointer(second, changes, pem);
const hasAsked = ({ heard }: HostileWire): boolean => heard.some(({ type }) => type === 'manifest-request');

/** Peers of one room meet each other, too: those here have nothing, and the page has packs. */
const isToPage = ({ heard }: HostileWire): boolean =>
  heard.some((said) => said.type === 'hello' && said.packs.length > 0);

/** Why peers were banned since the page began, one reason each. */
function bans(): Promise<string[]> {
  return tab.evaluate(() => (globalThis as unknown as { bans: string[] }).bans.toSorted());
}

async function forgetBans(): Promise<void> {
  await tab.evaluate(() => Object.assign(globalThis, { bans: [] }));
}

async function closeAll(peers: readonly HostilePeer[]): Promise<void> {
  await Promise.all(peers.map((peer) => peer.close()));
  await tab.waitForFunction(() => tabseed.stats().peers === 0);
}

/** Nothing has come of it. */
async function isUnmoved(): Promise<void> {
  expect(await seenBy(tab)).toEqual(['release 1', 'release 1']);
  expect(await tab.evaluate(() => tabseed.stats().update)).toBeNull();
  expect(await told(tab)).toEqual([]);
}

beforeAll(async () => {
  site = await UpdatesSite.open();
  tab = await site.visit(await (await site.stage.browser()).newContext());
  const read = async (path: string): Promise<Uint8Array> => new Uint8Array(await readFile(join(site.out, path)));
  first = await read(POINTER_PATH);
  app = { ...(await readRelease(site.out)), out: site.out };
  // What an engine is made of has come when it has met somebody.
  const harmless = await play([{ onOpen: (wire) => wire.greet() }]);
  await tab.waitForFunction(() => tabseed.stats().peers === 1);
  expect(await tab.evaluate(() => tabseed.applyUpdate())).toBe(false);
  await closeAll(harmless);
  site.stage.refuse = () => true;
  await site.publish(2);
  second = await read(POINTER_PATH);
  manifest = await read(manifestPath(decodePointer(second).pointer.manifestHash));
  app = { ...(await readRelease(site.out)), out: site.out };
  await forgetBans();
  await tab.evaluate(() => {
    tabseed.on('error', ({ code, message }) => {
      const { bans } = globalThis as unknown as { bans: string[] };
      bans.push(code === 'peer-banned' ? (message.split(': ')[1] ?? '') : code);
    });
  });
  before = await pageMemory(tab);
});

afterAll(() => site.close());

describe('while the origin is away, a peer', () => {
  it('that forges a pointer, or floods with them, is banned', async () => {
    const pointers = [
      forged({}, generateKey().pem),
      forged({}).map((byte, at) => (at === 40 ? byte ^ 1 : byte)),
      forged({ app: 'other' }),
      forged({ channel: 'other' }),
      forged({ sequence: MAX_SEQUENCE + 1 }),
      new TextEncoder().encode('<!doctype html><title>Sign in</title>'),
    ];
    const flood: HostileScript = {
      onOpen: (wire) => {
        wire.greet();
        for (let count = 0; count < 5000; count += 1) wire.say({ type: 'pointer', bytes: first });
      },
    };
    const peers = await play([...pointers.map((pointer) => telling(pointer)), flood]);
    await Promise.all(peers.map((peer) => peer.dropped()));
    const codes = ['bad-signature', 'bad-signature', 'malformed', 'misbehaved', 'sequence-too-high'];
    await expect.poll(bans, POLL).toEqual([...codes, 'wrong-app', 'wrong-channel']);
    expect(peers.flatMap(({ wires }) => wires).some(hasAsked)).toBe(false);
    await forgetBans();
    await closeAll(peers);
    await isUnmoved();
  });

  it('that replays an older pointer, one that has ended or one that takes the app away, is not listened to', async () => {
    const pointers = [first, forged(ended()), forged({ manifestHash: '00'.repeat(32), manifestBytes: 0 })];
    const peers = await play(pointers.map((pointer) => telling(pointer)));
    await expect.poll(() => tab.evaluate(() => tabseed.stats().peers), POLL).toBe(pointers.length);
    // The ping behind each pointer is answered when that was heard.
    const wires = peers.flatMap((peer) => peer.wires).filter(isToPage);
    expect(wires).toHaveLength(pointers.length);
    for (const wire of wires) wire.say({ type: 'ping', token: 99 });
    const isAnswered = ({ heard }: HostileWire) => heard.some((said) => said.type === 'pong' && said.token === 99);
    await expect.poll(() => wires.every(isAnswered), POLL).toBe(true);
    // Its own pointer is bad: it has its turn after those.
    const [last] = await play([telling(forged({}, generateKey().pem))]);
    await expect.poll(bans, POLL).toEqual(['bad-signature']);
    expect(wires.some(hasAsked)).toBe(false);
    await forgetBans();
    await closeAll([...peers, last as HostilePeer]);
    await isUnmoved();
  });

  it('that gives another manifest than its pointer names, or one without end, is banned', async () => {
    const { pointer } = decodePointer(first);
    const old = await readFile(join(site.out, manifestPath(pointer.manifestHash)));
    const peers = await play([
      // Rightly signed, and the bytes are others.
      giving(second, (offset) => new Uint8Array(manifest.length - offset).fill(7)),
      // Two that were never signed together, as of a publisher's mistake: only the manifest itself tells.
      giving(forged({ manifestHash: pointer.manifestHash, manifestBytes: old.length }), (offset) =>
        old.subarray(offset),
      ),
      // Parts without end, of which the first is longer than the whole.
      telling(second, {
        onManifestRequest: (wire) => {
          for (let part = 0; part < 100; part += 1)
            wire.say({ type: 'manifest-part', bytes: new Uint8Array(PART_BYTES) });
        },
      }),
    ]);
    await expect.poll(bans, POLL).toEqual(['misbehaved', 'wrong-manifest']);
    await expect.poll(() => peers.every(({ wires }) => wires.some(hasAsked)), POLL).toBe(true);
    await forgetBans();
    await closeAll(peers);
    await isUnmoved();
    const after = await pageMemory(tab);
    expect(after.heapMB - before.heapMB).toBeLessThan(HEAP_GROWTH_MB);
    expect(after.processMB - before.processMB).toBeLessThan(PROCESS_GROWTH_MB);
  });

  it('that never gives the manifest of which it tells does not keep an honest one from giving it', async () => {
    const silent = await play([telling(second), telling(second)]);
    const wires = (): HostileWire[] => silent.flatMap((peer) => peer.wires);
    await expect.poll(() => wires().some(hasAsked), POLL).toBe(true);
    const honest = await play([
      giving(second, (offset) => manifest.subarray(offset, Math.min(manifest.length, offset + PART_BYTES))),
    ]);
    await expect.poll(() => told(tab), POLL).toContain('update-available');
    expect(await seenBy(tab)).toEqual(['release 1', 'release 1']);
    expect(await bans()).toEqual([]);
    await closeAll([...silent, ...honest]);
  });

  it('that lies in the chunks of an update is banned, and the origin gives them at its next check', async () => {
    const lying = await play([
      {
        onOpen: (wire) => wire.claimEverything(),
        onRequest: (wire, request) =>
          wire.answer(request, ({ encoding, bytes }) => ({ encoding, bytes: bytes.map((byte) => byte ^ 4) })),
      },
    ]);
    // The origin is back with what is signed; the bytes are the peer's alone, until it is gone.
    site.stage.refuse = (path) => path === '/large.bin' || path.startsWith('/tabseed/pack-');
    await tab.evaluate(() => tabseed.checkForUpdate());
    await expect.poll(bans, POLL).toEqual(['banned']);
    site.stage.refuse = () => false;
    await staged(tab);
    expect(await seenBy(tab)).toEqual(['release 1', 'release 1']);
    await tab.reload();
    expect(await seenBy(tab)).toEqual(['release 2', 'release 2']);
    await closeAll(lying);
  });
});
