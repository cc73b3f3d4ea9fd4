import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CHECK_INTERVAL_MS, Updates, VISIBLE_INTERVAL_MS } from '../../../src/client/updates.ts';
import { checkKey } from '../../../src/protocol/browser-names.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { testSeed } from '../../fakes/test-seed.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const SCOPE = 'https://app.example/';
/** Unix milliseconds at the start of the virtual time. */
const START = 2_000_000_000_000;
const MINUTE_MS = 60_000;

let clock: VirtualClock;
let random: SeededRandom;
let visibility: EventTarget & { visibilityState: DocumentVisibilityState };
let stored: Map<string, string>;
/** When each check was made, in virtual minutes. */
let checks: number[];
let failure: Error | undefined;
let told: unknown[];

function newBrowser(): void {
  [clock, stored, checks] = [new VirtualClock(), new Map<string, string>(), []];
  visibility = Object.assign(new EventTarget(), { visibilityState: 'visible' as const });
  vi.stubGlobal('document', visibility);
}

beforeEach(() => {
  newBrowser();
  random = new SeededRandom(testSeed());
  [told, failure] = [[], undefined];
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
  });
  // What the page itself reads of the origin is only a help to the worker.
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('offline')));
  vi.spyOn(Date, 'now').mockImplementation(() => START + clock.now());
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function openPage(): Updates {
  const updates = new Updates({
    ...{ scope: SCOPE, clock, random },
    events: { emit: (name, value) => told.push([name, value]) },
    link: { post: () => true },
    news: null,
    request: (message) => {
      if (message.type === 'check') checks.push(clock.now() / MINUTE_MS);
      return failure ? Promise.reject(failure) : Promise.resolve();
    },
  });
  void updates.checkIfDue();
  return updates;
}

function show(state: DocumentVisibilityState): void {
  visibility.visibilityState = state;
  visibility.dispatchEvent(new Event('visibilitychange'));
}

/** A check of another tab, now. */
function anotherTabChecks(): void {
  stored.set(checkKey(SCOPE), String(Date.now()));
}

describe('a page looks for updates', () => {
  it('when it starts, unless a tab has within a minute', async () => {
    openPage();
    await clock.advance(0);
    expect(checks).toEqual([0]);
    await clock.advance(VISIBLE_INTERVAL_MS - 1);
    openPage();
    await clock.advance(0);
    expect(checks).toEqual([0]);
    await clock.advance(1);
    openPage();
    await clock.advance(0);
    expect(checks).toEqual([0, 1]);
  });

  it('when it starts, however far ahead the clock was at the last check', async () => {
    stored.set(checkKey(SCOPE), String(START + 1e9));
    openPage();
    await clock.advance(0);
    expect(checks).toEqual([0]);
  });

  it('when it starts, in a browser that keeps nothing', async () => {
    vi.stubGlobal('localStorage', undefined);
    openPage();
    await clock.advance(0);
    expect(checks).toEqual([0]);
  });

  it('when it becomes visible, and not when it is hidden or was switched to and fro within a minute', async () => {
    openPage();
    await clock.advance(MINUTE_MS / 2);
    show('hidden');
    show('visible');
    await clock.advance(MINUTE_MS / 2);
    show('hidden');
    await clock.advance(4 * MINUTE_MS);
    expect(checks).toEqual([0]);
    show('visible');
    await clock.advance(0);
    expect(checks).toEqual([0, 5]);
    await clock.advance(2 * MINUTE_MS);
    anotherTabChecks();
    show('visible');
    await clock.advance(0);
    expect(checks).toEqual([0, 5]);
  });

  it('every half hour, a quarter more or less each time: pages that were opened together do not ask together', async () => {
    const [intervals, firsts]: [number[], number[]] = [[], []];
    for (let page = 0; page < 200; page += 1) {
      newBrowser();
      openPage();
      await clock.advance(3 * CHECK_INTERVAL_MS);
      const gaps = checks.slice(1).map((at, index) => at - (checks[index] ?? 0));
      intervals.push(...gaps);
      firsts.push(gaps[0] ?? 0);
    }
    expect(Math.min(...intervals)).toBeGreaterThanOrEqual(22.5);
    expect(Math.max(...intervals)).toBeLessThanOrEqual(37.5);
    // Evenly: each third of those fifteen minutes has its share, in the first interval and in all.
    for (const some of [firsts, intervals]) {
      const isInThird = (third: number) => some.filter((gap) => Math.floor((gap - 22.5) / 5) === third).length;
      for (const third of [0, 1, 2]) expect(isInThird(third) / some.length).toBeGreaterThan(0.15);
    }
  });

  it('once for all tabs of a browser that are open together', async () => {
    for (let tab = 0; tab < 5; tab += 1) openPage();
    await clock.advance(10 * CHECK_INTERVAL_MS);
    const gaps = checks.slice(1).map((at, index) => at - (checks[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(15);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(37.5);
  });

  it('on demand, however short ago the last time was, and says what went wrong', async () => {
    const updates = openPage();
    await clock.advance(0);
    await updates.check();
    await updates.check();
    expect(checks).toEqual([0, 0, 0]);
    // It counts as a check for what asks in time.
    await clock.advance(MINUTE_MS / 2);
    show('visible');
    await clock.advance(0);
    expect(checks).toEqual([0, 0, 0]);
    failure = Object.assign(new Error('refused'), { detail: 'bad-signature' });
    await expect(updates.check()).rejects.toBe(failure);
    expect(told).toEqual([]);
  });

  it('and goes on after a failure, of which the app hears unless it is that the origin is away', async () => {
    failure = Object.assign(new Error('away'), { detail: 'origin-status' });
    openPage();
    await clock.advance(0);
    expect([checks.length, told]).toEqual([1, []]);
    failure = Object.assign(new Error('refused'), { detail: 'expired' });
    await clock.advance(1.25 * CHECK_INTERVAL_MS);
    expect(checks).toHaveLength(2);
    expect(told).toEqual([['update-failed', { sequence: 0, version: '', code: 'expired' }]]);
  });
});
