import { beforeEach, describe, expect, it } from 'vitest';
import type { ReleaseNews } from '../../../src/core/peer-news.ts';
import type { PeerMessage } from '../../../src/protocol/peer-message.ts';
import { SessionBench } from './session-bench.ts';

let bench: SessionBench;
beforeEach(() => {
  bench = new SessionBench();
});

describe('news of releases', () => {
  const manifest = Uint8Array.from({ length: 150_000 }, (_, index) => index % 251);
  const manifestHash = 'ab'.repeat(32);
  const news = (byte: number): ReleaseNews => ({ pointer: Uint8Array.of(byte), manifestHash, manifest });
  const parts = () => bench.heard.filter((message) => message.type === 'manifest-part').map(({ bytes }) => bytes);

  it('are told once each, and passed on', async () => {
    bench.given = news(1);
    bench.session.tellNews();
    bench.session.tellNews();
    bench.given = news(2);
    bench.session.tellNews();
    await bench.greet();
    const told = bench.heard.filter(({ type }) => type === 'pointer');
    expect(told).toEqual([1, 2].map((byte) => ({ type: 'pointer', bytes: Uint8Array.of(byte) })));
    await bench.say({ type: 'pointer', bytes: Uint8Array.of(7, 8) });
    expect(bench.pointers).toEqual([Uint8Array.of(7, 8)]);
  });

  it('have a manifest, which is given part by part to who asks for it by its hash', async () => {
    await bench.greet();
    bench.given = news(1);
    for (const offset of [0, 65_536, 131_072]) {
      await bench.say({ type: 'manifest-request', manifest: manifestHash, offset });
    }
    expect(Buffer.concat(parts()).equals(manifest)).toBe(true);
    await bench.say({ type: 'manifest-request', manifest: 'cd'.repeat(32), offset: 0 });
    expect(parts().at(-1)).toEqual(new Uint8Array());
    expect(bench.end).toBeUndefined();
  });

  it('have a manifest that is pulled part by part; a part without bytes is a refusal', async () => {
    await bench.greet();
    const whole = bench.session.pullManifest(manifestHash, 100_000);
    await bench.say({ type: 'manifest-part', bytes: manifest.slice(0, 60_000) });
    await bench.say({ type: 'manifest-part', bytes: manifest.slice(60_000, 100_000) });
    expect(Buffer.from((await whole) ?? []).equals(manifest.slice(0, 100_000))).toBe(true);
    expect(bench.heard.slice(-2)).toEqual(
      [0, 60_000].map((offset) => ({ type: 'manifest-request', manifest: manifestHash, offset })),
    );
    const refused = bench.session.pullManifest(manifestHash, 100_000);
    await bench.say({ type: 'manifest-part', bytes: new Uint8Array() });
    expect(await refused).toBeUndefined();
    const lost = bench.session.pullManifest(manifestHash, 100_000);
    await bench.say({ type: 'bye' });
    expect(await lost).toBeUndefined();
  });

  it('end the session of who sends a part that nobody asked for, or more than there is', async () => {
    await bench.greet();
    await bench.say({ type: 'manifest-part', bytes: Uint8Array.of(1) });
    expect(bench.end).toBe('misbehaved');
    bench = new SessionBench();
    await bench.greet();
    const pulled = bench.session.pullManifest(manifestHash, 10);
    await bench.say({ type: 'manifest-part', bytes: new Uint8Array(11) });
    expect(bench.end).toBe('misbehaved');
    expect(await pulled).toBeUndefined();
  });

  it('cost a peer that floods with them its session', async () => {
    await bench.greet();
    const pointer: PeerMessage = { type: 'pointer', bytes: Uint8Array.of(1) };
    await bench.say(...Array.from({ length: 2100 }, () => pointer));
    expect(bench.end).toBe('misbehaved');
    bench = new SessionBench();
    await bench.greet();
    const request: PeerMessage = { type: 'manifest-request', manifest: manifestHash, offset: 0 };
    await bench.say(...Array.from({ length: 1100 }, () => request));
    expect(bench.end).toBe('misbehaved');
  });

  it('cost a peer that gives a manifest byte by byte its session', async () => {
    await bench.greet();
    const pulled = bench.session.pullManifest(manifestHash, 100_000);
    const byte: PeerMessage = { type: 'manifest-part', bytes: Uint8Array.of(1) };
    await bench.say(...Array.from({ length: 2100 }, () => byte));
    expect(bench.end).toBe('misbehaved');
    expect(await pulled).toBeUndefined();
  });
});
