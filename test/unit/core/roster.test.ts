import { beforeEach, describe, expect, it } from 'vitest';
import { type SwarmPolicy, TAB_POLICY } from '../../../src/core/policy.ts';
import type { DialHandlers, DialRequest, PeerLink, SignalingHandlers } from '../../../src/core/ports.ts';
import { Roster } from '../../../src/core/roster.ts';
import type { IceServer } from '../../../src/protocol/signal-message.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const SELF = '0'.repeat(32);
const MINUTE_MS = 60_000;
const link: PeerLink = {
  bind: () => undefined,
  send: () => undefined,
  bufferedBytes: 0,
  lowWaterBytes: 0,
  close: () => undefined,
};

function peerId(index: number): string {
  return (index + 1).toString(16).padStart(32, '0');
}

/** A roster whose signaling server and dialer are a hostile test. */
class Bench {
  readonly clock = new VirtualClock();
  readonly dialed: DialRequest[] = [];
  readonly unmatched: string[] = [];
  matches = 0;
  /** Dialings that the roster has ended. */
  closed = 0;
  /** Spare partners whose link may not end. */
  readonly busy = new Set<string>();
  /** With the last match. */
  partnersTold = 0;
  readonly roster: Roster;
  #server: SignalingHandlers | undefined;
  readonly #dials = new Map<string, DialHandlers>();

  constructor(policy: Partial<SwarmPolicy> = {}, isWelcome = true) {
    const signaling = {
      open: (handlers: SignalingHandlers) => {
        this.#server = handlers;
      },
      send: () => undefined,
      match: (_: number, partners: number) => {
        this.matches += 1;
        this.partnersTold = partners;
      },
      unmatch: (peer: string) => this.unmatched.push(peer),
      want: () => undefined,
      close: () => Promise.resolve(),
    };
    const dialer = {
      dial: (request: DialRequest, handlers: DialHandlers) => {
        this.dialed.push(request);
        this.#dials.set(request.peer, handlers);
        const close = () => {
          this.closed += 1;
        };
        return { handleSignal: () => undefined, close };
      },
    };
    const log = { debug: () => undefined };
    this.roster = new Roster(
      { clock: this.clock, random: new SeededRandom(1), log, signaling, dialer },
      { ...TAB_POLICY, ...policy },
      {
        onLink: () => undefined,
        onJoin: () => undefined,
        onLeases: () => undefined,
        onChange: () => undefined,
        leave: (peer) => {
          if (this.busy.has(peer)) return false;
          this.roster.onLinkEnd(peer, 'closed');
          return true;
        },
      },
    );
    this.roster.open();
    if (isWelcome) this.welcome();
  }

  down(): void {
    this.#server?.onDown('refused');
  }

  welcome(iceServers: readonly IceServer[] = []): void {
    this.#server?.onWelcome({ peer: SELF, iceServers });
  }

  partner(peer: string, initiator = false): void {
    this.#server?.onPartner({ peer, initiator });
  }

  gone(peer: string): void {
    this.#server?.onGone(peer);
  }

  connect(peer: string): void {
    this.#dials.get(peer)?.onOpen(link);
  }

  fail(peer: string): void {
    this.#dials.get(peer)?.onFailed('nobody there');
  }
}

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

describe('a roster under a hostile signaling server', () => {
  it('dials a hundred partners an hour at most, and twenty at once', async () => {
    for (let index = 0; index < 3000; index += 1) bench.partner(peerId(index), true);
    expect(bench.dialed).toHaveLength(20);
    for (let index = 0; index < 3000; index += 1) {
      bench.fail(bench.dialed.at(-1)?.peer ?? '');
      bench.partner(peerId(3000 + index), true);
    }
    expect(bench.dialed).toHaveLength(100);
    await bench.clock.advance(61 * MINUTE_MS);
    bench.partner(peerId(9000), true);
    expect(bench.dialed).toHaveLength(101);
  });

  it('keeps a third of its dials for partners that it asked for', () => {
    for (let index = 0; index < 500; index += 1) {
      bench.partner(peerId(index));
      bench.fail(peerId(index));
    }
    expect(bench.dialed).toHaveLength(67);
    bench.partner(peerId(1000), true);
    expect(bench.dialed).toHaveLength(68);
  });

  it('has the server forget a partner of no use once, and keeps the connection', () => {
    bench.partner(peerId(1), true);
    bench.roster.spare(peerId(1));
    expect(bench.unmatched).toEqual([]);
    bench.connect(peerId(1));
    bench.roster.spare(peerId(1));
    bench.roster.spare(peerId(1));
    expect(bench.unmatched).toEqual([peerId(1)]);
    bench.partner(peerId(1), true);
    expect(bench.dialed).toHaveLength(1);
  });

  it('uses no relay where all partners are of one site', () => {
    const direct = { urls: ['stun:a.example'] };
    const mixed = { urls: ['turn:b.example', 'stun:b.example', 'turns:b.example'], username: 'u', credential: 'c' };
    const relays = { urls: ['turns:c.example'], username: 'u', credential: 'c' };
    const site = new Bench({ isSiteOnly: true });
    for (const each of [bench, site]) {
      each.welcome([direct, mixed, relays]);
      each.partner(peerId(1), true);
    }
    expect(bench.dialed[0]?.iceServers).toEqual([direct, mixed, relays]);
    expect(site.dialed[0]?.iceServers).toEqual([direct, { ...mixed, urls: ['stun:b.example'] }]);
  });

  it('makes room for a new partner by leaving the newest one of no use, unless that is busy', () => {
    for (let index = 0; index < 20; index += 1) {
      bench.partner(peerId(index), true);
      bench.connect(peerId(index));
    }
    bench.partner(peerId(20), true);
    expect(bench.dialed).toHaveLength(20);
    for (const index of [3, 8]) bench.roster.spare(peerId(index));
    // As the other side sees it.
    bench.gone(peerId(5));
    bench.busy.add(peerId(5));
    bench.unmatched.length = 0;
    bench.partner(peerId(21), true);
    expect(bench.dialed.at(-1)?.peer).toBe(peerId(21));
    expect(bench.unmatched).toEqual([peerId(8)]);
    bench.partner(peerId(22), true);
    expect(bench.unmatched).toEqual([peerId(8), peerId(3)]);
    // Five is left, and is busy.
    bench.partner(peerId(23), true);
    expect(bench.dialed.at(-1)?.peer).toBe(peerId(22));
    expect(bench.unmatched.at(-1)).toBe(peerId(23));
  });

  it('seeks one more partner each three seconds, from six connections to twenty', async () => {
    const before = bench.matches;
    const seek = async (): Promise<number> => {
      await bench.clock.advance(3000);
      bench.roster.seek();
      bench.roster.seek();
      return bench.matches - before;
    };
    for (let index = 0; index < 5; index += 1) bench.partner(peerId(index), true);
    expect(await seek()).toBe(0);
    bench.partner(peerId(5), true);
    expect(await seek()).toBe(1);
    expect(bench.partnersTold).toBe(6);
    for (let index = 6; index < 20; index += 1) bench.partner(peerId(index), true);
    expect(await seek()).toBe(1);
  });

  it('does not dial itself, nor a partner that it has', () => {
    bench.partner(SELF, true);
    bench.partner(peerId(1), true);
    bench.connect(peerId(1));
    for (let times = 0; times < 10; times += 1) bench.partner(peerId(1), true);
    expect(bench.dialed).toHaveLength(1);
  });
});

describe('a roster with bad peers', () => {
  it('dials anew a partner that is named again while it is being dialed: the pair was dissolved meanwhile', () => {
    bench.partner(peerId(1));
    bench.partner(peerId(1), true);
    expect(bench.dialed.map(({ initiator }) => initiator)).toEqual([false, true]);
    expect(bench.closed).toBe(1);
  });

  it('does not begin the introduction again when the first one is gone', () => {
    bench.partner(peerId(1));
    bench.connect(peerId(1));
    expect(bench.roster.isIntroducing(bench.clock.now())).toBe(true);
    bench.roster.onLinkEnd(peerId(1), 'banned');
    expect(bench.roster.isIntroducing(bench.clock.now())).toBe(false);
  });

  it('counts the introduction from the first want while the server has not answered, once', async () => {
    const { roster, clock } = new Bench({ bulkOriginDelayMs: 3500 }, false);
    await clock.advance(3000);
    roster.onWant();
    await clock.advance(3000);
    roster.onWant();
    expect(roster.isIntroducing(clock.now())).toBe(true);
    await clock.advance(500);
    expect(roster.isIntroducing(clock.now())).toBe(false);
  });

  it('begins it with the first want, however long the server has been silent, and ends it when the server fails', async () => {
    const bench = new Bench({ bulkOriginDelayMs: 3500 }, false);
    await bench.clock.advance(60_000);
    bench.roster.onWant();
    expect(bench.roster.isIntroducing(bench.clock.now())).toBe(true);
    bench.down();
    expect(bench.roster.isIntroducing(bench.clock.now())).toBe(false);
  });

  it('is meeting its first partner until the server fails, or somebody is connected', () => {
    const silent = new Bench({}, false);
    expect(silent.roster.isMeeting).toBe(true);
    silent.down();
    expect(silent.roster.isMeeting).toBe(false);
    expect(bench.roster.isMeeting).toBe(false);
    bench.partner(peerId(1));
    expect(bench.roster.isMeeting).toBe(true);
    bench.connect(peerId(1));
    bench.partner(peerId(2));
    expect(bench.roster.isMeeting).toBe(false);
  });

  it('ends the introduction when one has told what it has, not when it is connected', () => {
    bench.partner(peerId(1));
    bench.connect(peerId(1));
    expect(bench.roster.isIntroducing(bench.clock.now())).toBe(true);
    bench.roster.onHeard();
    expect(bench.roster.isIntroducing(bench.clock.now())).toBe(false);
  });

  it('never dials one again that was banned', async () => {
    bench.partner(peerId(1));
    bench.connect(peerId(1));
    bench.roster.onLinkEnd(peerId(1), 'banned');
    await bench.clock.advance(60 * MINUTE_MS);
    bench.partner(peerId(1));
    expect(bench.dialed).toHaveLength(1);
    expect(bench.unmatched).toContain(peerId(1));
  });

  it('dials one that was of no use again after ten minutes, not before', async () => {
    bench.partner(peerId(1));
    bench.connect(peerId(1));
    bench.roster.onLinkEnd(peerId(1), 'left');
    await bench.clock.advance(9 * MINUTE_MS);
    bench.partner(peerId(1));
    expect(bench.dialed).toHaveLength(1);
    await bench.clock.advance(MINUTE_MS);
    bench.partner(peerId(1));
    expect(bench.dialed).toHaveLength(2);
  });

  it('dials one that stalled after half a minute, and after ever longer when it stalls again, up to ten minutes', async () => {
    for (const shunMs of [30_000, 120_000, 480_000, 600_000, 600_000]) {
      const dials = bench.dialed.length;
      bench.partner(peerId(1));
      expect(bench.dialed).toHaveLength(dials + 1);
      bench.connect(peerId(1));
      bench.roster.onLinkEnd(peerId(1), 'stalled');
      await bench.clock.advance(shunMs - 1);
      bench.partner(peerId(1));
      expect(bench.dialed).toHaveLength(dials + 1);
      await bench.clock.advance(1);
    }
  });

  it('forgets that one stalled when it was a good one since, for a minute', async () => {
    for (let times = 0; times < 3; times += 1) {
      bench.partner(peerId(1));
      bench.connect(peerId(1));
      await bench.clock.advance(MINUTE_MS);
      bench.roster.onLinkEnd(peerId(1), 'stalled');
      await bench.clock.advance(30_000);
    }
    bench.partner(peerId(1));
    expect(bench.dialed).toHaveLength(4);
  });

  it('asks ever more slowly for partners when each connects and leaves at once', async () => {
    const before = bench.matches;
    for (let index = 0; index < 90; index += 1) {
      const { matches } = bench;
      bench.partner(peerId(index), true);
      bench.connect(peerId(index));
      bench.roster.onLinkEnd(peerId(index), 'closed');
      await bench.clock.runUntil(() => bench.matches > matches, 2 * MINUTE_MS);
    }
    expect(bench.matches - before).toBe(90);
    expect(bench.clock.now()).toBeGreaterThan(40 * MINUTE_MS);
  });
});
