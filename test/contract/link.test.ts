import { afterAll, describe, expect, it } from 'vitest';
import { LINK_HIGH_WATER_BYTES } from '../../src/core/ports.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { MemoryLink } from '../fakes/memory-link.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';
import { linkContract } from './link-contract.ts';
import { NativeProcess } from './native-process.ts';

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

describe.each([
  ["simple-peer on Node's wrtc", 'wrtc', 'wrtc'],
  ['node-datachannel', 'datachannel', 'datachannel'],
  ['node-datachannel that calls wrtc', 'datachannel', 'wrtc'],
  ['wrtc that calls node-datachannel', 'wrtc', 'datachannel'],
] as const)('%s', (_name, caller, called) => {
  const native = new NativeProcess(caller, called);
  afterAll(() => native.close());

  it.each(linkContract)('$name', async ({ name }) => {
    await native.run(name);
  });
});
