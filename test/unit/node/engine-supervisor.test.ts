import { describe, expect, it } from 'vitest';
import type { EngineHandlers } from '../../../src/node/engine.ts';
import type { EngineCommand, EngineStatus } from '../../../src/node/engine-report.ts';
import { EngineSupervisor, type NodePeerEvent } from '../../../src/node/engine-supervisor.ts';
import { silentLog } from '../../../src/platform/log.ts';
import { noTraffic } from '../../../src/protocol/traffic.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const MINUTE_MS = 60_000;

/** An engine's process that does what a test says. */
class FakeEngine {
  readonly processId = 1;
  readonly commands: EngineCommand['type'][] = [];
  readonly handlers: EngineHandlers;
  isKilled = false;

  constructor(handlers: EngineHandlers) {
    this.handlers = handlers;
  }

  tell(command: EngineCommand): void {
    this.commands.push(command.type);
  }

  kill(): void {
    this.isKilled = true;
    this.handlers.onEnd('SIGKILL');
  }

  report(more: Partial<EngineStatus> = {}): void {
    const status = { peers: 0, traffic: noTraffic(), release: { sequence: 1, version: '' }, rssBytes: 0, dialCount: 0 };
    this.handlers.onReport({ type: 'status', status: { ...status, ...more } });
  }
}

function stage() {
  const clock = new VirtualClock();
  const engines: FakeEngine[] = [];
  const events: NodePeerEvent[] = [];
  const supervisor = new EngineSupervisor({
    launch: (handlers) => {
      const engine = new FakeEngine(handlers);
      engines.push(engine);
      return engine;
    },
    clock,
    random: { next: () => 1 },
    log: silentLog(),
    onProgress: () => undefined,
    onEvent: (event) => events.push(event),
    onClosed: () => Promise.resolve(),
  });
  const started = supervisor.start();
  started.catch(() => undefined);
  /** Time in which the newest engine reports as a healthy one does. */
  const live = async (milliseconds: number, status: Partial<EngineStatus> = {}): Promise<void> => {
    for (let passed = 0; passed < milliseconds; passed += 10_000) {
      engines.at(-1)?.report(status);
      await clock.advance(Math.min(10_000, milliseconds - passed));
    }
  };
  const startNewest = async (): Promise<void> => {
    engines.at(-1)?.handlers.onReport({ type: 'started' });
    await clock.advance(0);
  };
  return { clock, engines, events, supervisor, started, live, startNewest };
}

describe('the supervisor of an engine', () => {
  it('starts it again when it dies, with pauses that double, and at once again after a stable minute', async () => {
    const { clock, engines, events, started, live, startNewest } = stage();
    await startNewest();
    await started;
    for (let death = 1; death <= 3; death += 1) {
      engines.at(-1)?.handlers.onEnd('SIGSEGV');
      await clock.advance(4000);
      expect(engines.length).toBe(death + 1);
      await startNewest();
    }
    await live(2 * MINUTE_MS);
    engines.at(-1)?.handlers.onEnd('SIGSEGV');
    const pauses = events.flatMap((event) => (event.type === 'engine-lost' ? [event.restartMs] : []));
    expect(pauses).toEqual([1000, 2000, 4000, 1000]);
  });

  it('kills one that is silent for 20 s and starts the next', async () => {
    const { clock, engines, events, started, live, startNewest } = stage();
    await startNewest();
    await started;
    await live(MINUTE_MS);
    expect(engines.length).toBe(1);
    await clock.advance(21_500);
    expect(engines.map(({ isKilled }) => isKilled)).toEqual([true, false]);
    expect(events.at(-1)).toEqual({ type: 'engine-lost', how: 'SIGKILL', restartMs: 1000 });
  });

  it('fails as the first start does, and goes on trying when a later one fails', async () => {
    const failure = { name: 'NodePeerError', code: 'not-trusted', message: 'other key' };
    const first = stage();
    first.engines[0]?.handlers.onReport({ type: 'failed', error: failure });
    await expect(first.started).rejects.toMatchObject({ name: 'NodePeerError', code: 'not-trusted' });
    expect(first.engines.map(({ isKilled }) => isKilled)).toEqual([true]);

    const second = stage();
    await second.startNewest();
    second.engines[0]?.handlers.onEnd('1');
    await second.clock.advance(1000);
    second.engines[1]?.handlers.onReport({ type: 'failed', error: failure });
    await second.clock.advance(2000);
    expect(second.engines.length).toBe(3);
  });

  it('says engine-died when three die before one has started', async () => {
    const { clock, engines, started } = stage();
    for (let death = 0; death < 3; death += 1) {
      engines.at(-1)?.handlers.onEnd('SIGILL');
      await clock.advance(5000);
    }
    await expect(started).rejects.toMatchObject({ code: 'engine-died' });
    expect(engines.length).toBe(3);
  });

  it.each([
    ['connections', { dialCount: 2000 }],
    ['memory', { rssBytes: 1024 ** 3 }],
  ] as const)('replaces it for its %s, but not in its first ten minutes', async (reason, status) => {
    const { clock, engines, events, started, live, startNewest } = stage();
    await startNewest();
    await started;
    await live(9 * MINUTE_MS, status);
    expect(engines[0]?.commands).toEqual([]);
    await live(MINUTE_MS, status);
    engines[0]?.report(status);
    expect(engines[0]?.commands).toEqual(['stop']);
    expect(engines.length).toBe(1);
    engines[0]?.handlers.onReport({ type: 'left' });
    expect(engines.length).toBe(2);
    engines[0]?.handlers.onEnd('SIGKILL');
    await clock.advance(10);
    expect(engines.length).toBe(2);
    expect(events.at(-1)).toEqual({ type: 'engine-recycled', reason });
  });

  it('replaces one of a day, and kills one that does not stop in ten seconds', async () => {
    const { clock, engines, started, live, startNewest } = stage();
    await startNewest();
    await started;
    await live(24 * 60 * MINUTE_MS + 10_000);
    expect(engines[0]?.commands).toEqual(['stop']);
    await clock.advance(10_000);
    expect([engines[0]?.isKilled, engines.length]).toEqual([true, 2]);
  });

  it('adds up the traffic of all engines, and closes when the last has ended', async () => {
    const { engines, supervisor, started, startNewest, clock } = stage();
    await startNewest();
    await started;
    const traffic = { ...noTraffic(), plain: { ...noTraffic().plain, uploaded: 5 } };
    engines[0]?.report({ traffic });
    engines[0]?.handlers.onEnd('SIGSEGV');
    await clock.advance(1000);
    engines[1]?.report({ traffic, peers: 3 });
    expect([supervisor.traffic.plain.uploaded, supervisor.peerCount]).toEqual([10, 3]);
    const closed = supervisor.close();
    expect(engines[1]?.commands).toEqual(['stop']);
    engines[1]?.handlers.onReport({ type: 'left' });
    engines[1]?.handlers.onEnd('SIGKILL');
    await closed;
    expect(engines.length).toBe(2);
    await expect(supervisor.mirrored).rejects.toMatchObject({ code: 'closed' });
  });
});
