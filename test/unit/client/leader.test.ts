import { describe, expect, it } from 'vitest';
import { type Circumstances, UNKNOWN_DEVICE } from '../../../src/client/device-policy.ts';
import { KEEP_ALIVE_MS, KeepAlive } from '../../../src/client/keep-alive.ts';
import { Leader } from '../../../src/client/leader.ts';
import { REPORT_INTERVAL_MS, WAKE_INTERVAL_MS } from '../../../src/client/traffic-report.ts';
import { decodeLeaderResponse, type LeaderRequest, type LeaderResponse } from '../../../src/protocol/bridge-message.ts';
import { noTraffic } from '../../../src/protocol/traffic.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';
import { FakeEngines } from './fake-engine.ts';
import { chunkId, releasesOf } from './releases.ts';

const [A, B] = ['a', 'b'].map(chunkId) as [string, string];
const HOME: Circumstances = { device: UNKNOWN_DEVICE, paused: null, consent: null };

/** The worker's end of the channel: real MessagePorts of Node. */
class WorkerEnd {
  readonly received: LeaderResponse[] = [];
  readonly #port: MessagePort;

  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<unknown>) => {
      this.received.push(decodeLeaderResponse(data));
    };
  }

  post(request: LeaderRequest | { type: string }): void {
    this.#port.postMessage(request);
  }

  close(): void {
    this.#port.close();
  }
}

function setup({ open = true } = {}): {
  clock: VirtualClock;
  engines: FakeEngines;
  leader: Leader;
  workers: WorkerEnd[];
  log: string[];
  releases: LeaderRequest;
  until: (predicate: () => boolean) => Promise<void>;
} {
  const clock = new VirtualClock();
  const engines = new FakeEngines();
  if (open) engines.open();
  const workers: WorkerEnd[] = [];
  const log: string[] = [];
  const leader = new Leader(
    {
      clock,
      keepAlive: new KeepAlive(clock, () => log.push('keep-alive')),
      startEngine: engines.start,
      whenQuiet: (start) => {
        start();
        return () => undefined;
      },
      postLead: (port) => workers.push(new WorkerEnd(port)),
      onPeers: (count) => log.push(`peers ${count}`),
      onReleases: () => undefined,
      offer: () => Promise.resolve(),
      onConsentWanted: () => undefined,
      onError: ({ code }) => log.push(code),
    },
    HOME,
  );
  const until = async (predicate: () => boolean): Promise<void> => {
    while (!predicate()) await new Promise((resolve) => setImmediate(resolve));
  };
  const releases: LeaderRequest = { type: 'releases', ...releasesOf(1) };
  return { clock, engines, leader, workers, log, releases, until };
}

function worker(workers: readonly WorkerEnd[], index = 0): WorkerEnd {
  const found = workers[index];
  if (!found) throw new Error('no lead was posted');
  return found;
}

describe('Leader', () => {
  it('acknowledges a want before an engine exists, and serves it afterwards', async () => {
    const { engines, leader, workers, releases, until } = setup({ open: false });
    leader.lead();
    const end = worker(workers);
    end.post(releases);
    end.post({ type: 'want', request: 7, urgency: 'urgent', chunks: [A, B] });
    await until(() => end.received.some(({ type }) => type === 'ack'));
    expect(engines.started).toEqual([]);
    engines.open();
    await until(() => engines.started[0]?.fetches.length === 1);
    const [fetch] = engines.last.fetches;
    expect([fetch?.urgency, fetch?.chunks]).toEqual(['urgent', [A, B]]);

    const part = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
    fetch?.receiver.onChunk(A, part, 'peers');
    fetch?.receiver.onMissing(B);
    await until(() => end.received.some(({ type }) => type === 'missing'));
    const answers = end.received.filter(({ type }) => type !== 'report');
    expect(answers).toEqual([
      { type: 'ack', request: 7 },
      { type: 'chunk', request: 7, chunk: A, source: 'peers', bytes: new Uint8Array([2, 3]).buffer },
      { type: 'missing', request: 7, chunk: B },
    ]);
    await leader.close();
  });

  it('transfers a chunk that fills its buffer instead of copying it', async () => {
    const { engines, leader, workers, releases, until } = setup();
    leader.lead();
    const end = worker(workers);
    end.post(releases);
    end.post({ type: 'want', request: 1, urgency: 'bulk', chunks: [A] });
    await until(() => engines.started[0]?.fetches.length === 1);
    const whole = new Uint8Array([1, 2, 3]);
    engines.last.fetches[0]?.receiver.onChunk(A, whole, 'peers');
    expect(whole.buffer.byteLength).toBe(0);
    await leader.close();
  });

  it('keeps the worker alive only while a want is open', async () => {
    const { clock, engines, leader, workers, log, releases, until } = setup();
    leader.lead();
    const end = worker(workers);
    end.post(releases);
    await until(() => engines.started.length === 1);
    await clock.advance(KEEP_ALIVE_MS * 3);
    end.post({ type: 'want', request: 1, urgency: 'bulk', chunks: [A] });
    await until(() => engines.last.fetches.length === 1);
    await clock.advance(KEEP_ALIVE_MS * 2);
    engines.last.fetches[0]?.receiver.onChunk(A, new Uint8Array(1), 'peers');
    await clock.advance(KEEP_ALIVE_MS * 3);
    expect(log).toEqual(['keep-alive', 'keep-alive']);
    await leader.close();
  });

  it('cancels wants and passes on what the worker stored', async () => {
    const { engines, leader, workers, releases, until } = setup();
    leader.lead();
    const end = worker(workers);
    end.post(releases);
    end.post({ type: 'want', request: 1, urgency: 'bulk', chunks: [A] });
    await until(() => engines.started[0]?.fetches.length === 1);
    end.post({ type: 'stored', chunks: [B] });
    end.post({ type: 'cancel', request: 1 });
    await until(() => engines.last.fetches[0]?.cancelled === true);
    expect(engines.last.stored).toEqual([B]);
    await leader.close();
  });

  it('keeps its engine when the worker restarts, and serves the new port', async () => {
    const { engines, leader, workers, releases, until } = setup();
    leader.lead();
    worker(workers).post(releases);
    worker(workers).post({ type: 'want', request: 1, urgency: 'bulk', chunks: [A] });
    await until(() => engines.started[0]?.fetches.length === 1);
    leader.lead();
    expect(engines.last.fetches[0]?.cancelled).toBe(true);
    worker(workers, 1).post(releases);
    worker(workers, 1).post({ type: 'want', request: 1, urgency: 'bulk', chunks: [A] });
    await until(() => engines.last.fetches.length === 2);
    expect(engines.started).toHaveLength(1);
    await leader.close();
  });

  it('keeps traffic for the next worker when one ended', async () => {
    const { clock, engines, leader, workers, releases, until } = setup();
    leader.lead();
    worker(workers).post(releases);
    await until(() => engines.started.length === 1);
    worker(workers).close();
    // It asks for a new port when it has news for a worker that is gone.
    const { events } = engines.last;
    for (let count = 1; workers.length === 1; count += 1) {
      events.onPeers(count);
      await clock.advance(WAKE_INTERVAL_MS * 2);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const traffic = noTraffic();
    traffic.plain.uploaded = 100;
    events.onTraffic(traffic);
    await clock.advance(REPORT_INTERVAL_MS);
    const next = worker(workers, 1);
    next.post(releases);
    await until(() => next.received.length > 0);
    expect(next.received[0]).toMatchObject({ type: 'report', traffic: { plain: { uploaded: 100 } } });
    await leader.close();
  });

  it('leaves open wants to the next leader when it ends', async () => {
    const { engines, leader, workers, releases, until } = setup();
    leader.lead();
    const end = worker(workers);
    end.post(releases);
    end.post({ type: 'want', request: 1, urgency: 'bulk', chunks: [A] });
    await until(() => engines.started[0]?.fetches.length === 1);
    await leader.close();
    expect(engines.last.closed).toBe(true);
    expect(end.received.filter(({ type }) => type === 'missing')).toEqual([]);
  });

  it('survives a request that it cannot read', async () => {
    const { leader, workers, log, releases, engines, until } = setup();
    leader.lead();
    const end = worker(workers);
    end.post({ type: 'from-the-future' });
    end.post(releases);
    await until(() => engines.started.length === 1);
    expect(log).toEqual(['bad-message']);
    await leader.close();
  });

  it('tells the page about a banned peer', async () => {
    const { leader, workers, log, releases, engines, until } = setup();
    leader.lead();
    worker(workers).post(releases);
    await until(() => engines.started.length === 1);
    engines.last.events.onBan('f'.repeat(32), 'chunk-hash');
    expect(log).toEqual(['peer-banned']);
    await leader.close();
  });
});
