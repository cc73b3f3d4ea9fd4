import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/core/ports.ts';
import { UploadCap } from '../../../src/core/upload-cap.ts';
import { MAX_FRAGMENT_BYTES } from '../../../src/protocol/limits.ts';
import { MIN_UPLOAD_BYTES_PER_SECOND } from '../../../src/protocol/settings.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { testSeed } from '../../fakes/test-seed.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

interface Sent {
  readonly atMs: number;
  readonly session: number;
  readonly bytes: number;
}

/** So many sessions that send all they may for as long as the test moves the clock. */
async function sessions(
  count: number,
  cap: number,
  seconds: number,
  bytes: (cap: UploadCap) => number,
  timers?: (clock: VirtualClock) => Clock,
): Promise<Sent[]> {
  const clock = new VirtualClock();
  const bucket = new UploadCap(timers?.(clock) ?? clock, cap);
  const sent: Sent[] = [];
  const endMs = seconds * 1000;
  for (let session = 0; session < count; session += 1) {
    void (async () => {
      while (clock.now() < endMs) {
        const size = bytes(bucket);
        await bucket.take(size);
        if (clock.now() < endMs) sent.push({ atMs: clock.now(), session, bytes: size });
      }
    })();
  }
  await clock.advance(endMs);
  bucket.close();
  return sent;
}

const sum = (sent: readonly Sent[]): number => sent.reduce((total, { bytes }) => total + bytes, 0);

describe('the upload cap', () => {
  it.each([
    { cap: MIN_UPLOAD_BYTES_PER_SECOND, count: 20 },
    { cap: 100_000, count: 1 },
    { cap: 125_000, count: 7 },
    { cap: 5_000_000, count: 20 },
  ])('lets $count sessions send $cap bytes in any second, and one burst, and no fewer in the long run', async (one) => {
    const random = new SeededRandom(testSeed());
    const seconds = 10;
    const sent = await sessions(one.count, one.cap, seconds, ({ fragmentBytes }) =>
      Math.ceil(fragmentBytes * (0.25 + 0.75 * random.next())),
    );
    const burst = one.cap / 32;
    for (const [index, { atMs }] of sent.entries()) {
      const second = sent.slice(index).filter((later) => later.atMs < atMs + 1000);
      expect(sum(second)).toBeLessThanOrEqual(one.cap + burst);
    }
    expect(sum(sent)).toBeLessThanOrEqual(one.cap * seconds + burst);
    expect(sum(sent)).toBeGreaterThan(one.cap * seconds * 0.97);
  });

  it('gives each session the same, and lets none wait for a second even at the lowest cap', async () => {
    const sent = await sessions(20, MIN_UPLOAD_BYTES_PER_SECOND, 60, ({ fragmentBytes }) => fragmentBytes);
    for (let session = 0; session < 20; session += 1) {
      const own = sent.filter((one) => one.session === session);
      expect(Math.abs(own.length - sent.length / 20)).toBeLessThanOrEqual(1);
      const pauses = own.slice(1).map(({ atMs }, index) => atMs - (own[index]?.atMs ?? 0));
      expect(Math.max(...pauses)).toBeLessThan(1000);
    }
  });

  it('lets as much through in a page that is hidden, whose timers fire once in a second', async () => {
    const hidden = (clock: VirtualClock): Clock => ({
      now: () => clock.now(),
      after: (ms, run) => clock.after(Math.ceil((clock.now() + ms) / 1000) * 1000 - clock.now(), run),
    });
    const sent = await sessions(3, 100_000, 20, ({ fragmentBytes }) => fragmentBytes, hidden);
    expect(sum(sent)).toBeLessThanOrEqual(100_000 * 21);
    expect(sum(sent)).toBeGreaterThan(100_000 * 17);
  });

  it('delays nothing where there is no cap', () => {
    const bucket = new UploadCap(new VirtualClock(), undefined);
    expect(bucket.fragmentBytes).toBe(MAX_FRAGMENT_BYTES);
    for (let count = 0; count < 1000; count += 1) expect(bucket.take(MAX_FRAGMENT_BYTES)).toBeUndefined();
  });
});
