import { describe, expect, it } from 'vitest';
import { type Path, Politeness } from '../../../src/core/politeness.ts';
import { UploadCap } from '../../../src/core/upload-cap.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const FRAGMENT_BYTES = 16 * 1024;
const QUEUE_LIMIT_MS = 200;
/** A measurement of Chromium's is never newer than that. */
const CHECK_MS = 2500;

/** A line that takes `bytesPerMs`, behind it `count` paths that send all they may. */
class Line {
  readonly clock = new VirtualClock();
  readonly cap = new UploadCap(this.clock, undefined);
  bytesPerMs: number;
  isUploading = true;
  /** Another reason for a long round trip, on the first path alone. */
  detourMs = 0;
  shortestMs = 1;
  sentBytes = 0;
  readonly #paths: Path[];
  readonly #politeness: Politeness;
  #freeAtMs = 0;

  constructor(bytesPerMs: number, count = 1, isSiteOnly = false) {
    this.bytesPerMs = bytesPerMs;
    this.#paths = Array.from({ length: count }, (_, index) => this.#path(index));
    this.#politeness = new Politeness(this.clock, this.cap, isSiteOnly);
    this.cap.limit(undefined);
    for (const path of this.#paths) void this.#send(path);
  }

  get queueMs(): number {
    return Math.max(0, this.#freeAtMs - this.clock.now());
  }

  /** Bytes per millisecond that go out, and the queue, its mean and its longest, over so much time. */
  async watch(milliseconds: number): Promise<{ rate: number; queueMs: number; longestMs: number }> {
    const before = this.sentBytes;
    let [sum, longestMs] = [0, 0];
    for (let passed = 0; passed < milliseconds; passed += 100) {
      await this.clock.advance(100);
      sum += this.queueMs;
      longestMs = Math.max(longestMs, this.queueMs);
    }
    return { rate: (this.sentBytes - before) / milliseconds, queueMs: sum / (milliseconds / 100), longestMs };
  }

  pause(): void {
    this.isUploading = false;
  }

  sendOne(): void {
    for (const path of this.#paths) this.#politeness.onUpload(path);
  }

  close(): void {
    this.pause();
    this.#politeness.close();
    this.cap.close();
  }

  #path(index: number): Path {
    let measuredMs = 0;
    const line = this;
    return {
      get isUploading() {
        return line.isUploading;
      },
      get shortestMs() {
        return line.shortestMs;
      },
      queueingMs: () => {
        const nowMs = this.clock.now();
        if (nowMs - measuredMs < CHECK_MS) return Promise.resolve(undefined);
        measuredMs = nowMs;
        return Promise.resolve(this.queueMs + (index === 0 ? this.detourMs : 0));
      },
    };
  }

  async #send(path: Path): Promise<void> {
    while (this.isUploading) {
      const bytes = Math.min(FRAGMENT_BYTES, this.cap.fragmentBytes);
      await this.cap.take(bytes);
      // The transport takes what the queue has room for.
      while (this.queueMs >= QUEUE_LIMIT_MS) await new Promise<void>((resolve) => this.clock.after(5, resolve));
      this.#freeAtMs = Math.max(this.#freeAtMs, this.clock.now()) + bytes / this.bytesPerMs;
      this.sentBytes += bytes;
      this.#politeness.onUpload(path);
    }
  }
}

describe('politeness', () => {
  it('drains the queue that its uploads have filled, and goes on at most of the speed of the line', async () => {
    const line = new Line(1250);
    expect((await line.watch(2000)).queueMs).toBeGreaterThan(150);
    await line.watch(15_000);
    const { rate, queueMs, longestMs } = await line.watch(120_000);
    expect(queueMs).toBeLessThan(30);
    expect(longestMs).toBeLessThan(150);
    expect(rate).toBeGreaterThan(1250 * 0.8);
    line.close();
  });

  it('tries little more at first than what was too much: something else may have had part of the line', async () => {
    const line = new Line(1180);
    await line.watch(15_000);
    line.bytesPerMs = 1250;
    expect((await line.watch(120_000)).longestMs).toBeLessThan(150);
    line.close();
  });

  it('follows a line that becomes slower, and one that becomes faster', async () => {
    const line = new Line(1250);
    await line.watch(20_000);
    line.bytesPerMs = 300;
    await line.watch(30_000);
    const slow = await line.watch(60_000);
    expect(slow.queueMs).toBeLessThan(40);
    expect(slow.rate).toBeGreaterThan(300 * 0.6);
    line.bytesPerMs = 2500;
    await line.watch(90_000);
    expect((await line.watch(30_000)).rate).toBeGreaterThan(2500 * 0.7);
    line.close();
  });

  it('leaves a queue alone that only one of its paths has', async () => {
    const line = new Line(1250, 2);
    line.detourMs = 500;
    await line.watch(1000);
    // The line itself is never full.
    line.bytesPerMs = 1e6;
    const { rate } = await line.watch(20_000);
    expect(rate).toBeGreaterThan(1e5);
    line.close();
  });

  it('takes one long round trip for noise, and two for a queue', async () => {
    const line = new Line(1e6);
    line.detourMs = 500;
    await line.watch(CHECK_MS + 1000);
    line.detourMs = 0;
    expect((await line.watch(10_000)).rate).toBeGreaterThan(1e5);
    line.detourMs = 500;
    await line.watch(3 * CHECK_MS);
    line.detourMs = 0;
    const { rate } = await line.watch(1000);
    expect(rate).toBeLessThan(6e5);
    line.close();
  });

  it('does not give way in the house: to peers behind the same exit, with a round trip of a few milliseconds', async () => {
    const line = new Line(1250, 2, true);
    const { rate } = await line.watch(20_000);
    expect(rate).toBeGreaterThan(1250 * 0.99);
    line.shortestMs = 8;
    await line.watch(15_000);
    expect((await line.watch(10_000)).queueMs).toBeLessThan(60);
    line.close();
  });

  it('measures whom something was sent a moment ago, though no request is open when it looks, and forgets nothing in a pause', async () => {
    const clock = new VirtualClock();
    const cap = new UploadCap(clock, undefined);
    const path = { isUploading: false, shortestMs: 20, queueingMs: () => Promise.resolve(100) };
    const politeness = new Politeness(clock, cap, true);
    for (const pauseMs of [3000, 1000]) {
      await cap.take(FRAGMENT_BYTES);
      politeness.onUpload(path);
      await clock.advance(pauseMs);
    }
    expect(cap.fragmentBytes).toBeLessThan(FRAGMENT_BYTES);
    politeness.close();
    cap.close();
  });

  it('hears all paths before it concludes anything, for four seconds at most', async () => {
    // Each is measured every third second, one after the other; the first two have a queue.
    const givesWay = async (thirdMs: number | undefined): Promise<boolean> => {
      const clock = new VirtualClock();
      const cap = new UploadCap(clock, undefined);
      const paths = [thirdMs, 100, 100].map((delayMs, turn) => ({
        isUploading: true,
        shortestMs: 20,
        queueingMs: () => Promise.resolve(Math.round(clock.now() / 1000) % 3 === turn ? delayMs : undefined),
      }));
      const politeness = new Politeness(clock, cap, false);
      for (let second = 0; second < 12; second += 1) {
        void cap.take(1024);
        for (const path of paths) politeness.onUpload(path);
        await clock.advance(1000);
      }
      politeness.close();
      cap.close();
      return cap.fragmentBytes < FRAGMENT_BYTES;
    };
    expect(await givesWay(2)).toBe(false);
    expect(await givesWay(100)).toBe(true);
    expect(await givesWay(undefined)).toBe(true);
  });

  it('forgets what it has learned of a line when nothing was sent for a minute', async () => {
    const line = new Line(1250);
    await line.watch(20_000);
    const limited = line.cap.fragmentBytes;
    line.pause();
    await line.clock.advance(50_000);
    line.sendOne();
    expect(line.cap.fragmentBytes).toBe(limited);
    await line.clock.advance(70_000);
    line.sendOne();
    expect(line.cap.fragmentBytes).toBeGreaterThan(limited);
    line.close();
  });
});
