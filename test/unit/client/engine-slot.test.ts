import { describe, expect, it } from 'vitest';
import { type Circumstances, UNKNOWN_DEVICE } from '../../../src/client/device-policy.ts';
import { ENGINE_START_MS, EngineSlot } from '../../../src/client/engine-slot.ts';
import type { Traffic } from '../../../src/protocol/traffic.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';
import { FakeEngines } from './fake-engine.ts';
import { chunkId, releasesOf } from './releases.ts';

const [A, B, C] = ['a', 'b', 'c'].map(chunkId) as [string, string, string];
const HOME: Circumstances = { device: UNKNOWN_DEVICE, paused: null, consent: null };
const PAUSED: Circumstances = { ...HOME, paused: 'all' };

interface Setup {
  readonly clock: VirtualClock;
  readonly engines: FakeEngines;
  readonly slot: EngineSlot;
  readonly log: string[];
  readonly fetch: (...chunks: string[]) => { cancel(): void };
}

function setup({ open = true, whenQuiet = atOnce } = {}): Setup {
  const clock = new VirtualClock();
  const engines = new FakeEngines();
  if (open) engines.open();
  const log: string[] = [];
  const events = {
    onPeers: (count: number) => void log.push(`peers ${count}`),
    onTraffic: (_: Traffic) => undefined,
    offer: () => Promise.resolve(),
    onBan: () => undefined,
  };
  const onFailed = (cause: unknown): void => void log.push(`failed: ${(cause as Error).message}`);
  const onConsentWanted = (wanted: boolean): void => {
    if (wanted) log.push('consent wanted');
  };
  const ports = { clock, startEngine: engines.start, whenQuiet, events, onConsentWanted, onFailed };
  const slot = new EngineSlot(ports, HOME);
  const fetch = (...chunks: string[]): { cancel(): void } =>
    slot.fetch(chunks, 'bulk', {
      onChunk: (id) => log.push(`chunk ${id[0]}`),
      onMissing: (id) => log.push(`missing ${id[0]}`),
    });
  return { clock, engines, slot, log, fetch };
}

function atOnce(start: () => void): () => void {
  start();
  return () => undefined;
}

const BYTES = new Uint8Array(1);

describe('EngineSlot', () => {
  it('starts an engine when the releases are known, and gives it what was wanted meanwhile', async () => {
    const { clock, engines, slot, log, fetch } = setup({ open: false });
    slot.setReleases(releasesOf(1));
    fetch(A, B);
    await clock.advance(0);
    expect(log).toEqual([]);
    engines.open();
    await clock.advance(0);
    expect(engines.last.fetches[0]?.chunks).toEqual([A, B]);
    engines.last.fetches[0]?.receiver.onChunk(A, BYTES, 'peers');
    engines.last.fetches[0]?.receiver.onMissing(B);
    engines.last.fetches[0]?.receiver.onChunk(A, BYTES, 'peers');
    expect(log).toEqual(['chunk a', 'missing b']);
  });

  it('leaves the page alone until it is quiet, or something is wanted', async () => {
    const quiet: (() => void)[] = [];
    const whenQuiet = (start: () => void): (() => void) => {
      quiet.push(start);
      return () => void quiet.splice(quiet.indexOf(start), 1);
    };
    for (const begin of [(_: Setup) => quiet[0]?.(), ({ fetch }: Setup) => fetch(A)]) {
      const world = setup({ whenQuiet });
      world.slot.setReleases(releasesOf(1));
      await world.clock.advance(0);
      expect(world.engines.started).toEqual([]);
      begin(world);
      await world.clock.advance(0);
      expect(world.engines.started).toHaveLength(1);
      expect(quiet).toEqual([]);
      world.slot.setReleases(releasesOf(1));
      await world.slot.close();
      expect(quiet).toEqual([]);
    }
  });

  it('lets nothing prompt wait for an engine that is starting', async () => {
    const { clock, slot, log } = setup({ open: false });
    slot.setReleases(releasesOf(1));
    slot.fetch([A], 'prompt', { onChunk: () => undefined, onMissing: (id) => log.push(`missing ${id[0]}`) });
    await clock.advance(0);
    expect(log).toEqual(['missing a']);
  });

  it('answers missing at once while there is nothing to start', () => {
    const { log, fetch } = setup();
    fetch(A);
    expect(log).toEqual(['missing a']);
  });

  it('answers missing where the publisher or the device forbids peers', async () => {
    const { clock, engines, slot, log, fetch } = setup();
    engines.mode = 'off';
    slot.setReleases(releasesOf(1));
    fetch(A);
    await clock.advance(0);
    fetch(B);
    engines.mode = 'on';
    slot.setCircumstances({ ...HOME, device: { ...UNKNOWN_DEVICE, saveData: true } });
    slot.setReleases(releasesOf(2));
    await clock.advance(0);
    fetch(C);
    expect(log).toEqual(['missing a', 'missing b', 'missing c']);
    expect(engines.started).toEqual([]);
  });

  it('asks again whether peers are allowed when other releases come', async () => {
    const { clock, engines, slot } = setup();
    engines.mode = 'off';
    slot.setReleases(releasesOf(1));
    await clock.advance(0);
    engines.mode = 'on';
    slot.setReleases(releasesOf(2));
    await clock.advance(0);
    expect(engines.started).toHaveLength(1);
  });

  it('sends what is open to the origin when it is paused, and starts again afterwards', async () => {
    const { clock, engines, slot, log, fetch } = setup();
    slot.setReleases(releasesOf(1));
    await clock.advance(0);
    fetch(A, B);
    engines.last.fetches[0]?.receiver.onChunk(A, BYTES, 'peers');
    slot.setCircumstances(PAUSED);
    expect(log).toEqual(['chunk a', 'missing b', 'peers 0']);
    expect([engines.last.closed, engines.last.fetches[0]?.cancelled]).toEqual([true, true]);
    slot.setCircumstances(HOME);
    await clock.advance(0);
    expect(engines.started).toHaveLength(2);
  });

  it('keeps its engine and the downloads when only uploads are to stop, and tells a new engine too', async () => {
    const { clock, engines, slot, log, fetch } = setup();
    slot.setReleases(releasesOf(1));
    await clock.advance(0);
    fetch(A);
    slot.setCircumstances({ ...HOME, paused: 'uploads' });
    expect([engines.last.uploading, engines.last.fetches[0]?.cancelled, log]).toEqual([false, false, []]);
    slot.setCircumstances(PAUSED);
    slot.setCircumstances({ ...HOME, device: { ...UNKNOWN_DEVICE, lowBattery: true } });
    await clock.advance(0);
    expect(engines.started.map(({ uploading }) => uploading)).toEqual([false, false]);
    slot.setCircumstances(HOME);
    expect(engines.last.uploading).toBe(true);
    expect(engines.started).toHaveLength(2);
  });

  it('starts no engine before the user agreed, one afterwards, and closes it when the answer is no', async () => {
    const { clock, engines, slot, log, fetch } = setup();
    engines.mode = 'ask';
    slot.setReleases(releasesOf(1));
    await clock.advance(0);
    fetch(A);
    expect([log, engines.started]).toEqual([['consent wanted', 'missing a'], []]);
    slot.setCircumstances({ ...HOME, consent: 'wanted' });
    await clock.advance(0);
    expect(engines.started).toEqual([]);
    slot.setCircumstances({ ...HOME, consent: 'all' });
    await clock.advance(0);
    slot.setCircumstances({ ...HOME, consent: 'downloads' });
    expect(engines.started.map(({ closed, uploading }) => [closed, uploading])).toEqual([[false, false]]);
    slot.setCircumstances({ ...HOME, consent: 'none' });
    await clock.advance(0);
    expect(engines.started.map(({ closed }) => closed)).toEqual([true]);
  });

  it('closes its engine when the answer is deleted, and asks again', async () => {
    const { clock, engines, slot, log } = setup();
    engines.mode = 'ask';
    slot.setCircumstances({ ...HOME, consent: 'all' });
    slot.setReleases(releasesOf(1));
    await clock.advance(0);
    slot.setCircumstances(HOME);
    await clock.advance(0);
    expect([engines.started.map(({ closed }) => closed), log]).toEqual([[true], ['peers 0', 'consent wanted']]);
  });

  it('hears an answer that comes while the engine is starting', async () => {
    const { clock, engines, slot } = setup({ open: false });
    engines.mode = 'ask';
    slot.setReleases(releasesOf(1));
    await clock.advance(0);
    slot.setCircumstances({ ...HOME, consent: 'all' });
    engines.open();
    await clock.advance(0);
    expect(engines.started).toHaveLength(1);
  });

  it('has closed when an engine that was still starting has, too', async () => {
    const { clock, engines, slot } = setup({ open: false });
    slot.setReleases(releasesOf(1));
    await clock.advance(0);
    let closed: boolean | undefined;
    void slot.close().then(() => {
      closed = engines.last.closed;
    });
    await clock.advance(0);
    expect(closed).toBeUndefined();
    engines.open();
    await clock.advance(0);
    expect(closed).toBe(true);
  });

  it('closes an engine that is not needed any more when it has started', async () => {
    const { clock, engines, slot } = setup({ open: false });
    slot.setReleases(releasesOf(1));
    await clock.advance(0);
    slot.setCircumstances(PAUSED);
    engines.open();
    await clock.advance(0);
    expect(engines.started.map(({ closed }) => closed)).toEqual([true]);
  });

  it('does not let a want wait longer than the start of an engine may take', async () => {
    const { clock, engines, slot, log, fetch } = setup({ open: false });
    slot.setReleases(releasesOf(1));
    fetch(A);
    await clock.advance(ENGINE_START_MS - 1);
    expect(log).toEqual([]);
    await clock.advance(1);
    fetch(B);
    expect(log).toEqual(['missing a', 'missing b']);
    engines.open();
    await clock.advance(0);
    fetch(C);
    expect(engines.last.fetches.map(({ chunks }) => chunks)).toEqual([[C]]);
  });

  it('answers missing when the engine does not start, and tries again with the next releases', async () => {
    const { clock, engines, slot, log, fetch } = setup();
    engines.failure = new Error('404');
    slot.setReleases(releasesOf(1));
    fetch(A);
    await clock.advance(0);
    expect(log).toEqual(['missing a', 'failed: 404']);
    engines.failure = undefined;
    slot.setReleases(releasesOf(1));
    await clock.advance(0);
    expect(engines.started).toHaveLength(1);
  });

  it('keeps its engine when other releases fit to it', async () => {
    const { clock, engines, slot } = setup();
    const [first, second] = [releasesOf(1), releasesOf(2)];
    slot.setReleases(first);
    await clock.advance(0);
    slot.setReleases(second);
    await clock.advance(0);
    expect(engines.started.map(({ releases }) => releases)).toEqual([[first, second]]);
  });

  it('tells a starting engine about releases that came meanwhile', async () => {
    const { clock, engines, slot } = setup({ open: false });
    const newest = releasesOf(2);
    slot.setReleases(releasesOf(1));
    slot.setReleases(newest);
    engines.open();
    await clock.advance(0);
    expect(engines.last.releases.at(-1)).toBe(newest);
  });

  it('starts another engine when the releases need one', async () => {
    const { clock, engines, slot } = setup();
    slot.setReleases(releasesOf(1));
    await clock.advance(0);
    engines.last.fits = false;
    slot.setReleases(releasesOf(2));
    await clock.advance(0);
    expect(engines.started.map(({ closed }) => closed)).toEqual([true, false]);
  });

  it('hears nothing more of a cancelled want', async () => {
    const { clock, engines, slot, log, fetch } = setup();
    slot.setReleases(releasesOf(1));
    await clock.advance(0);
    const want = fetch(A);
    want.cancel();
    engines.last.fetches[0]?.receiver.onChunk(A, BYTES, 'peers');
    slot.setCircumstances(PAUSED);
    expect(log).toEqual(['peers 0']);
    expect(engines.last.fetches[0]?.cancelled).toBe(true);
  });
});
