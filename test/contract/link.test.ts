import wrtc from '@roamhq/wrtc';
import nodeDataChannel from 'node-datachannel';
import { describe, expect, it } from 'vitest';
import { LINK_HIGH_WATER_BYTES } from '../../src/core/ports.ts';
import { dataChannelDialer } from '../../src/node/datachannel-dialer.ts';
import { rtcDialer } from '../../src/platform/rtc-dialer.ts';
import { loadSimplePeer } from '../../src/platform/simple-peer.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { MemoryLink } from '../fakes/memory-link.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';
import { connectDialers } from './connect-dialers.ts';
import { linkContract } from './link-contract.ts';

describe('the memory link', () => {
  it.each(linkContract)('$name', async ({ run }) => {
    const quality = { latencyMs: 2, bytesPerSecond: 100_000_000 };
    await run({ connect: () => Promise.resolve(MemoryLink.pair(systemClock(), quality)) });
  });

  it('takes as long as its rate and latency say, and empties its queue meanwhile', async () => {
    const clock = new VirtualClock();
    const [left, right] = MemoryLink.pair(clock, { latencyMs: 50, bytesPerSecond: 1_000_000 });
    const arrivals: number[] = [];
    const writable: number[] = [];
    left.bind({ onFrame: () => undefined, onWritable: () => writable.push(clock.now()), onClose: () => undefined });
    right.bind({ onFrame: () => arrivals.push(clock.now()), onWritable: () => undefined, onClose: () => undefined });
    for (let index = 0; index < 5; index += 1) left.send(new Uint8Array(100_000));
    expect(left.bufferedBytes).toBe(500_000);
    await clock.advance(1000);
    expect(arrivals).toEqual([150, 250, 350, 450, 550]);
    expect(writable).toEqual([300]);
    expect(500_000 - 3 * 100_000).toBeLessThanOrEqual(LINK_HIGH_WATER_BYTES / 4);
  });

  it('loses what is queued when it is killed, changes what it is told to, and can fall silent', async () => {
    const clock = new VirtualClock();
    const [left, right] = MemoryLink.pair(clock, { latencyMs: 1, bytesPerSecond: 1_000_000 });
    const frames: Uint8Array[] = [];
    let closes = 0;
    const onClose = () => {
      closes += 1;
    };
    left.bind({ onFrame: () => undefined, onWritable: () => undefined, onClose });
    right.bind({ onFrame: (frame) => frames.push(frame), onWritable: () => undefined, onClose });
    left.tamper = (frame) => (frame[0] === 1 ? undefined : frame.map((byte) => byte ^ 1));
    left.send(Uint8Array.of(1));
    left.send(Uint8Array.of(2));
    await clock.advance(10);
    left.muted = true;
    left.send(Uint8Array.of(4));
    await clock.advance(10);
    expect(frames).toEqual([Uint8Array.of(3)]);
    left.muted = false;
    left.send(new Uint8Array(100));
    right.kill();
    await clock.advance(10);
    expect([frames.length, closes]).toEqual([1, 2]);
  });
});

const clock = systemClock();
const wrtcDialer = rtcDialer({ load: loadSimplePeer, wrtc, clock });
const nativeDialer = dataChannelDialer(nodeDataChannel, clock);

describe.each([
  ["simple-peer on Node's wrtc", wrtcDialer, wrtcDialer],
  ['node-datachannel', nativeDialer, nativeDialer],
  ['node-datachannel that calls wrtc', nativeDialer, wrtcDialer],
  ['wrtc that calls node-datachannel', wrtcDialer, nativeDialer],
])('%s', (_name, left, right) => {
  it.each(linkContract)('$name', async ({ run }) => {
    await run({ connect: () => connectDialers(left, right) });
  });
});
