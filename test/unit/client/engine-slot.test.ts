import { describe, expect, it } from 'vitest';
import { ENGINE_START_MS, EngineSlot } from '../../../src/client/engine-slot.ts';
import type { Traffic } from '../../../src/protocol/traffic.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';
import { FakeEngines } from './fake-engine.ts';
import { CONFIG, chunkId, manifestOf } from './releases.ts';

const [A, B, C] = ['a', 'b', 'c'].map(chunkId) as [string, string, string];
const HOME = { device: { saveData: false, connection: undefined }, paused: false };
const PAUSED = { ...HOME, paused: true };

interface Setup {
  readonly clock: VirtualClock;
  readonly engines: FakeEngines;
  readonly slot: EngineSlot;
  readonly log: string[];
  fetch(...chunks: string[]): { cancel(): void };
}

function setup({ open = true } = {}): Setup {
  const clock = new VirtualClock();
  const engines = new FakeEngines();
  if (open) engines.open();
  const log: string[] = [];
  const events = {
    onPeers: (count: number) => void log.push(`peers ${count}`),
    onTraffic: (_: Traffic) => undefined,
    onBan: () => undefined,
  };
  const onFailed = (cause: unknown): void => void log.push(`failed: ${(cause as Error).message}`);
  const slot = new EngineSlot({ clock, startEngine: engines.start, events, onFailed }, HOME);
  const fetch = (...chunks: string[]): { cancel(): void } =>
    slot.fetch(chunks, 'bulk', {
      onChunk: (id) => log.push(`chunk ${id[0]}`),
      onMissing: (id) => log.push(`missing ${id[0]}`),
    });
  return { clock, engines, slot, log, fetch };
}

const BYTES = new Uint8Array(1);

describe('EngineSlot', () => {
  it('starts an engine when the releases are known, and gives it what was wanted meanwhile', async () => {
    const { clock, engines, slot, log, fetch } = setup({ open: false });
    slot.setReleases({ config: CONFIG, manifests: [manifestOf(1)] });
    fetch(A, B);
    await clock.advance(0);
    expect(log).toEqual([]);
    engines.open();
    await clock.advance(0);
    expect(engines.last.fetches[0]?.chunks).toEqual([A, B]);
    engines.last.fetches[0]?.receiver.onChunk(A, BYTES);
    engines.last.fetches[0]?.receiver.onMissing(B);
    engines.last.fetches[0]?.receiver.onChunk(A, BYTES);
    expect(log).toEqual(['chunk a', 'missing b']);
  });

  it('answers missing at once while there is nothing to start', () => {
    const { log, fetch } = setup();
    fetch(A);
    expect(log).toEqual(['missing a']);
  });

  it('starts no engine where the publisher or the device forbids peers', async () => {
    const { clock, engines, slot, log, fetch } = setup();
    slot.setReleases({ config: CONFIG, manifests: [manifestOf(1, { mode: 'off' })] });
    await clock.advance(0);
    slot.setReleases({ config: CONFIG, manifests: [manifestOf(2)] });
    slot.setCircumstances({ device: { saveData: true, connection: undefined }, paused: false });
    await clock.advance(0);
    expect(engines.started.filter(({ closed }) => !closed)).toEqual([]);
    fetch(A);
    expect(log).toEqual(['missing a']);
  });

  it('sends what is open to the origin when it is paused, and starts again afterwards', async () => {
    const { clock, engines, slot, log, fetch } = setup();
    slot.setReleases({ config: CONFIG, manifests: [manifestOf(1)] });
    await clock.advance(0);
    fetch(A, B);
    engines.last.fetches[0]?.receiver.onChunk(A, BYTES);
    slot.setCircumstances(PAUSED);
    expect(log).toEqual(['chunk a', 'missing b', 'peers 0']);
    expect([engines.last.closed, engines.last.fetches[0]?.cancelled]).toEqual([true, true]);
    slot.setCircumstances(HOME);
    await clock.advance(0);
    expect(engines.started).toHaveLength(2);
  });

  it('closes an engine that is not needed any more when it has started', async () => {
    const { clock, engines, slot } = setup({ open: false });
    slot.setReleases({ config: CONFIG, manifests: [manifestOf(1)] });
    await clock.advance(0);
    slot.setCircumstances(PAUSED);
    engines.open();
    await clock.advance(0);
    expect(engines.started.map(({ closed }) => closed)).toEqual([true]);
  });

  it('does not let a want wait longer than the start of an engine may take', async () => {
    const { clock, engines, slot, log, fetch } = setup({ open: false });
    slot.setReleases({ config: CONFIG, manifests: [manifestOf(1)] });
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
    slot.setReleases({ config: CONFIG, manifests: [manifestOf(1)] });
    fetch(A);
    await clock.advance(0);
    expect(log).toEqual(['missing a', 'failed: 404']);
    engines.failure = undefined;
    slot.setReleases({ config: CONFIG, manifests: [manifestOf(1)] });
    await clock.advance(0);
    expect(engines.started).toHaveLength(1);
  });

  it('keeps its engine when releases come and go, and tells it only what is new', async () => {
    const { clock, engines, slot } = setup();
    slot.setReleases({ config: CONFIG, manifests: [manifestOf(1)] });
    await clock.advance(0);
    slot.setReleases({ config: CONFIG, manifests: [manifestOf(1)] });
    slot.setReleases({ config: CONFIG, manifests: [manifestOf(2), manifestOf(1)] });
    await clock.advance(0);
    expect(engines.started).toHaveLength(1);
    expect(engines.last.releases.map((manifests) => manifests.map(({ sequence }) => sequence))).toEqual([[2, 1]]);
  });

  it('tells a starting engine about releases that came meanwhile', async () => {
    const { clock, engines, slot } = setup({ open: false });
    slot.setReleases({ config: CONFIG, manifests: [manifestOf(1)] });
    slot.setReleases({ config: CONFIG, manifests: [manifestOf(2)] });
    engines.open();
    await clock.advance(0);
    expect(engines.last.releases.at(-1)?.[0]?.sequence).toBe(2);
  });

  it('starts another engine when the signaling server or the deployment changes', async () => {
    const { clock, engines, slot } = setup();
    slot.setReleases({ config: CONFIG, manifests: [manifestOf(1)] });
    await clock.advance(0);
    slot.setReleases({ config: CONFIG, manifests: [manifestOf(2, { signal: 'wss://example.org' })] });
    await clock.advance(0);
    expect(engines.started.map(({ closed }) => closed)).toEqual([true, false]);
  });

  it('hears nothing more of a cancelled want', async () => {
    const { clock, engines, slot, log, fetch } = setup();
    slot.setReleases({ config: CONFIG, manifests: [manifestOf(1)] });
    await clock.advance(0);
    const want = fetch(A);
    want.cancel();
    engines.last.fetches[0]?.receiver.onChunk(A, BYTES);
    slot.setCircumstances(PAUSED);
    expect(log).toEqual(['peers 0']);
    expect(engines.last.fetches[0]?.cancelled).toBe(true);
  });
});
