import { beforeEach, describe, expect, it } from 'vitest';
import type { LeaderRequest } from '../../../src/protocol/bridge-message.ts';
import { chunksOfFile, type PackedChunk, type ReleaseFile } from '../../../src/protocol/manifest.ts';
import { noTraffic } from '../../../src/protocol/traffic.ts';
import type { ChunkSource } from '../../../src/sw/chunk-source.ts';
import { LeaderBridge, type LeaderPort } from '../../../src/sw/leader-bridge.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { syncDigest } from '../../fakes/sync-digest.ts';
import { tinyRelease } from '../../fakes/tiny-release.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const BYTES = new SeededRandom(1).bytes(4096);
const { manifest } = tinyRelease({
  sequence: 1,
  files: new Map([['a.bin', BYTES]]),
  chunkBytes: 1024,
  chunksPerPack: 4,
  deflate: false,
});
const CHUNKS = chunksOfFile(manifest, manifest.files[0] as ReleaseFile);
const plainOf = (chunk: PackedChunk) => {
  const index = CHUNKS.indexOf(chunk);
  return BYTES.slice(index * 1024, (index + 1) * 1024);
};

/** The leader's end of a port. */
class FakeLeader implements LeaderPort {
  readonly requests: LeaderRequest[] = [];
  isClosed = false;

  postMessage(request: LeaderRequest): void {
    this.requests.push(request);
  }

  close(): void {
    this.isClosed = true;
  }

  get wants() {
    return this.requests.filter((request) => request.type === 'want');
  }
}

let clock: VirtualClock;
let bridge: LeaderBridge;
let leader: FakeLeader;
let calls: number;
let hasTabs: boolean;
let replaced: number;
let delivered: PackedChunk[];
/** What the worker was told of its leader. */
let connections: boolean[];

beforeEach(() => {
  clock = new VirtualClock();
  leader = new FakeLeader();
  calls = 0;
  hasTabs = true;
  replaced = 0;
  delivered = [];
  connections = [];
  bridge = new LeaderBridge(
    { clock, digest: syncDigest() },
    {
      callLeader: () => {
        calls += 1;
        return Promise.resolve(hasTabs);
      },
      replaceLeader: () => {
        replaced += 1;
      },
      onReport: () => undefined,
      onConnected: (isConnected) => connections.push(isConnected),
    },
  );
});

/** Starts an ask; `left` is set once it has resolved. */
function take(
  options: { patient?: boolean; urgency?: 'urgent' | 'bulk'; signal?: AbortSignal; from?: ChunkSource } = {},
) {
  const { patient = false, urgency = 'bulk', signal = new AbortController().signal } = options;
  const { from = patient ? bridge.patient : bridge } = options;
  const result: { left?: readonly PackedChunk[] } = {};
  void from.take(CHUNKS, { urgency, signal, deliver: (chunk) => void delivered.push(chunk) }).then((left) => {
    result.left = left;
  });
  return result;
}

const answer = (message: unknown, from = leader) => bridge.handleMessage(from, message);
const ack = (request: number, from = leader) => answer({ type: 'ack', request }, from);
const give = (request: number, chunk: PackedChunk, bytes = plainOf(chunk), from = leader) =>
  answer({ type: 'chunk', request, chunk: chunk.id, source: 'peers', bytes: bytes.buffer }, from);

describe('an ask to the leader', () => {
  it('is acknowledged, delivered in any order and done', async () => {
    bridge.connectLeader(leader);
    const result = take();
    await clock.advance(0);
    expect(leader.wants).toEqual([
      { type: 'want', request: 1, urgency: 'bulk', chunks: CHUNKS.map((chunk) => chunk.id) },
    ]);
    ack(1);
    for (const chunk of [...CHUNKS].reverse()) give(1, chunk);
    await clock.advance(0);
    expect(result.left).toEqual([]);
    expect(delivered).toEqual([...CHUNKS].reverse());
  });

  it('is given up after 2 s without an ack, and cancelled: a leader may be busy with a flash crowd', async () => {
    bridge.connectLeader(leader);
    const result = take();
    await clock.advance(1999);
    expect(result.left).toBeUndefined();
    await clock.advance(1);
    expect(result.left).toEqual(CHUNKS);
    expect(leader.requests.at(-1)).toEqual({ type: 'cancel', request: 1 });
  });

  it('is not made to a leader that is silent, until it speaks again', async () => {
    bridge.connectLeader(leader);
    take();
    await clock.advance(2000);
    const second = take();
    await clock.advance(0);
    expect(second.left).toEqual(CHUNKS);
    ack(1);
    take();
    await clock.advance(0);
    expect(leader.wants).toHaveLength(2);
  });

  it('waits only for what is left of the 2 s when the leader is silent already', async () => {
    bridge.connectLeader(leader);
    take({ urgency: 'urgent' });
    await clock.advance(500);
    const prompt = take({ urgency: 'urgent' });
    const bulk = take();
    await clock.advance(1499);
    expect(prompt.left).toEqual(CHUNKS);
    expect(bulk.left).toBeUndefined();
    await clock.advance(1);
    expect(bulk.left).toEqual(CHUNKS);
  });

  it('replaces a leader that is silent for 2 s, and no other', async () => {
    bridge.connectLeader(leader);
    take();
    await clock.advance(1999);
    expect(replaced).toBe(0);
    await clock.advance(1);
    expect(replaced).toBe(1);
    take({ patient: true });
    await clock.advance(40);
    ack(2);
    await clock.advance(5000);
    expect(replaced).toBe(1);
  });

  it('waits ten seconds when nothing else is left', async () => {
    bridge.connectLeader(leader);
    take();
    await clock.advance(50);
    const patient = take({ patient: true });
    await clock.advance(9000);
    ack(2);
    for (const chunk of CHUNKS) give(2, chunk);
    await clock.advance(0);
    expect(patient.left).toEqual([]);
  });

  it('gets back what the leader has not got, and what is not the chunk that it claims to be', async () => {
    bridge.connectLeader(leader);
    const result = take();
    await clock.advance(0);
    ack(1);
    const [first, second, third, fourth] = CHUNKS as [PackedChunk, PackedChunk, PackedChunk, PackedChunk];
    give(1, first, plainOf(second));
    answer({ type: 'missing', request: 1, chunk: second.id });
    give(1, third);
    give(1, third);
    give(1, fourth, plainOf(fourth).slice(0, 10));
    await clock.advance(0);
    expect(result.left).toEqual([first, second, fourth]);
    expect(delivered).toEqual([third]);
  });

  it('ends when a leader stalls after its ack', async () => {
    bridge.connectLeader(leader);
    const result = take({ patient: true, urgency: 'urgent' });
    await clock.advance(0);
    ack(1);
    await clock.advance(4000);
    give(1, CHUNKS[0] as PackedChunk);
    await clock.advance(4999);
    expect(result.left).toBeUndefined();
    await clock.advance(1);
    expect(result.left).toEqual(CHUNKS.slice(1));
  });

  it('survives a change of leader', async () => {
    bridge.connectLeader(leader);
    const result = take({ urgency: 'bulk' });
    await clock.advance(0);
    ack(1);
    give(1, CHUNKS[0] as PackedChunk);
    await clock.advance(100);
    bridge.disconnectLeader(leader);
    await clock.advance(1500);
    const next = new FakeLeader();
    bridge.connectLeader(next);
    expect(next.wants).toMatchObject([{ request: 1, chunks: CHUNKS.slice(1).map((chunk) => chunk.id) }]);
    ack(1, next);
    for (const chunk of CHUNKS.slice(1)) give(1, chunk, plainOf(chunk), next);
    await clock.advance(0);
    expect(result.left).toEqual([]);
  });

  it('goes on without a leader when none follows in 2 s', async () => {
    bridge.connectLeader(leader);
    const result = take();
    await clock.advance(0);
    ack(1);
    bridge.disconnectLeader(leader);
    await clock.advance(2000);
    expect(result.left).toEqual(CHUNKS);
  });

  it('ignores a port that another leader has replaced', async () => {
    bridge.connectLeader(leader);
    const next = new FakeLeader();
    bridge.connectLeader(next);
    expect(leader.isClosed).toBe(true);
    take();
    await clock.advance(0);
    give(1, CHUNKS[0] as PackedChunk);
    bridge.disconnectLeader(leader);
    await clock.advance(0);
    expect(delivered).toEqual([]);
    expect(connections).toEqual([true, true]);
  });

  it('is cancelled with its signal', async () => {
    bridge.connectLeader(leader);
    const abort = new AbortController();
    const result = take({ signal: abort.signal });
    await clock.advance(0);
    abort.abort();
    await clock.advance(0);
    expect(leader.requests.at(-1)).toEqual({ type: 'cancel', request: 1 });
    expect(result.left).toEqual(CHUNKS);
  });

  it('does not mind messages that are none', () => {
    bridge.connectLeader(leader);
    for (const message of [
      null,
      1,
      {},
      { type: 'chunk' },
      { type: 'ack', request: -1 },
      { type: 'ack', request: 99 },
    ]) {
      answer(message);
    }
  });
});

describe('an ask for what a page waits for', () => {
  it('is prompt, and over after 12 ms, ack or no ack', async () => {
    bridge.connectLeader(leader);
    const result = take({ urgency: 'urgent' });
    await clock.advance(0);
    expect(leader.wants).toMatchObject([{ urgency: 'prompt' }]);
    ack(1);
    await clock.advance(11);
    expect(result.left).toBeUndefined();
    await clock.advance(1);
    expect(result.left).toEqual(CHUNKS);
    expect(leader.requests.at(-1)).toEqual({ type: 'cancel', request: 1 });
  });

  it('goes on for 12 ms after each chunk', async () => {
    bridge.connectLeader(leader);
    const result = take({ urgency: 'urgent' });
    await clock.advance(0);
    for (const chunk of CHUNKS) {
      await clock.advance(11);
      give(1, chunk);
    }
    await clock.advance(0);
    expect(result.left).toEqual([]);
  });

  it('is not made of a leader for a second that did not answer in time', async () => {
    bridge.connectLeader(leader);
    take({ urgency: 'urgent' });
    await clock.advance(12);
    ack(1);
    const second = take({ urgency: 'urgent' });
    await clock.advance(0);
    expect(second.left).toEqual(CHUNKS);
    expect(leader.wants).toHaveLength(1);
    // Bulk waits for it.
    take({ urgency: 'bulk' });
    await clock.advance(1000);
    take({ urgency: 'urgent' });
    await clock.advance(0);
    expect(leader.wants).toMatchObject([{ urgency: 'prompt' }, { urgency: 'bulk' }, { urgency: 'prompt' }]);
  });

  it('does not make a leader that has acknowledged it count as silent', async () => {
    bridge.connectLeader(leader);
    take({ urgency: 'urgent' });
    await clock.advance(0);
    ack(1);
    await clock.advance(15);
    take({ urgency: 'urgent' });
    await clock.advance(0);
    expect(leader.wants).toHaveLength(2);
    await clock.advance(10);
    ack(2);
    await clock.advance(5000);
    expect(replaced).toBe(0);
  });

  it('does not wait for the next leader', async () => {
    bridge.connectLeader(leader);
    const result = take({ urgency: 'urgent' });
    await clock.advance(5);
    bridge.disconnectLeader(leader);
    await clock.advance(10);
    expect(result.left).toEqual(CHUNKS);
  });

  it('is urgent when nothing else is left', async () => {
    bridge.connectLeader(leader);
    take({ urgency: 'urgent', patient: true });
    await clock.advance(0);
    expect(leader.wants).toMatchObject([{ urgency: 'urgent' }]);
  });
});

describe('a worker without a port', () => {
  it('calls for the leader and waits for it', async () => {
    const result = take();
    await clock.advance(1500);
    take();
    await clock.advance(0);
    expect(calls).toBe(1);
    bridge.connectLeader(leader);
    ack(1);
    for (const chunk of CHUNKS) give(1, chunk);
    await clock.advance(0);
    expect(result.left).toEqual([]);
  });

  it('goes on two seconds after the call, and does not call again for 10 s', async () => {
    const first = take();
    await clock.advance(1500);
    const second = take();
    await clock.advance(499);
    expect(first.left).toBeUndefined();
    await clock.advance(1);
    expect(first.left).toEqual(CHUNKS);
    expect(second.left).toEqual(CHUNKS);
    const third = take();
    await clock.advance(0);
    expect(third.left).toEqual(CHUNKS);
    expect(calls).toBe(1);
    await clock.advance(10_000);
    take();
    await clock.advance(0);
    expect(calls).toBe(2);
  });

  it('goes on after 12 ms with what a page waits for', async () => {
    const result = take({ urgency: 'urgent' });
    await clock.advance(11);
    expect(result.left).toBeUndefined();
    await clock.advance(1);
    expect(result.left).toEqual(CHUNKS);
    const second = take({ urgency: 'urgent' });
    await clock.advance(0);
    expect(second.left).toEqual(CHUNKS);
  });

  it('goes on after 50 ms with what is prefetched, which the HTTP cache may have at a first visit', async () => {
    const result = take({ from: bridge.present });
    await clock.advance(49);
    expect(result.left).toBeUndefined();
    await clock.advance(1);
    expect(result.left).toEqual(CHUNKS);
  });

  it('does not wait at all when there is no tab', async () => {
    hasTabs = false;
    const result = take();
    await clock.advance(0);
    expect(result.left).toEqual(CHUNKS);
  });
});

describe('a new leader', () => {
  it('gets the releases first, and each later set', () => {
    const config = { app: 'tiny', channel: 'stable', keys: [], development: false };
    const releases = { type: 'releases', config, manifests: [], pointers: [], stage: false } as const;
    bridge.setReleases(releases);
    bridge.connectLeader(leader);
    bridge.setReleases(releases);
    bridge.noteStored(['a', 'b']);
    expect(leader.requests).toEqual([releases, releases, { type: 'stored', chunks: ['a', 'b'] }]);
  });

  it('reports what it moves', () => {
    let reported = -1;
    bridge = new LeaderBridge(
      { clock, digest: syncDigest() },
      {
        callLeader: () => Promise.resolve(false),
        replaceLeader: () => undefined,
        onReport: (_, peers) => {
          reported = peers;
        },
        onConnected: () => undefined,
      },
    );
    bridge.connectLeader(leader);
    answer({ type: 'report', traffic: noTraffic(), peers: 3 });
    expect(reported).toBe(3);
  });
});
