import type { PeerId } from '../protocol/identifier.ts';
import { Availability } from './availability.ts';
import { chunkAt, type Span } from './catalog.ts';
import { type Demand, type WantedChunk, wantedIn } from './demand.ts';
import type { PeerSession } from './peer-session.ts';
import type { Random } from './ports.ts';
import { extendSpan, pickFirst } from './span-picker.ts';

/** From so many peers on, rare chunks come first, so that they soon have different ones to give each other. */
const TRADING_PEERS = 3;
/**
 * What waits longer for its peer is asked of one that has nothing to do. In the simulator ten times as much came twice
 * after 1 s.
 */
const LATE_MS = 1500;

/** Which peer is asked for which wanted chunk. */
export class PeerChoice {
  readonly availability = new Availability();
  readonly #demand: Demand;
  readonly #sessions: ReadonlyMap<PeerId, PeerSession>;
  readonly #random: Random;

  constructor(demand: Demand, sessions: ReadonlyMap<PeerId, PeerSession>, random: Random) {
    this.#demand = demand;
    this.#sessions = sessions;
    this.#random = random;
  }

  /** Sessions that may be asked for what a page waits for. */
  get promptSessions(): PeerSession[] {
    return [...this.#sessions.values()].filter((session) => session.downloads.isPrompt);
  }

  /** A peer has it that may be asked for it. */
  canGive(wanted: WantedChunk): boolean {
    return wanted.isShared && this.availability.of(wanted.location) > 0;
  }

  ask(): void {
    this.#askAll();
    if (this.#giveAwayLate()) this.#askAll();
  }

  #askAll(): void {
    const demand = this.#demand;
    const open = [...this.#sessions.values()].filter(({ downloads }) => downloads.room > 0);
    if (open.length === 0) return;
    const free: WantedChunk[] = [];
    for (const wanted of demand.inOrder()) {
      if (wanted.peer === undefined && !wanted.arrived && this.canGive(wanted)) free.push(wanted);
    }
    if (free.length === 0) return;
    const prompt = free[0]?.urgency === 'urgent' ? this.promptSessions : [];
    const mayAsk = (session: PeerSession, wanted: WantedChunk): boolean => {
      if (wanted.peer !== undefined || wanted.arrived || !wanted.isShared) return false;
      if (!session.has(wanted.location)) return false;
      if (wanted.latePeer === session.peer) return false;
      if (wanted.urgency === 'bulk' || prompt.includes(session)) return true;
      // A slow one is better than none.
      return !prompt.some((other) => other.has(wanted.location));
    };
    // Least loaded first, and again until nobody takes more: neighbours share a file instead of one getting it all.
    for (let asking = open.sort((a, b) => a.downloads.openBytes - b.downloads.openBytes); asking.length > 0; ) {
      asking = asking.filter((session) => {
        const { room } = session.downloads;
        const span = room === 0 ? undefined : this.#pick(free, (wanted) => mayAsk(session, wanted), room);
        if (span === undefined) return false;
        for (const wanted of wantedIn(demand, span)) wanted.peer = session.peer;
        session.downloads.request(span);
        return true;
      });
    }
  }

  /**
   * What waits longest for its peer is asked of those who have nothing to do: one slow peer would otherwise hold up the
   * end, when everything is asked for.
   *
   * @returns whether there is something to ask for again
   */
  #giveAwayLate(): boolean {
    const all = [...this.#sessions.values()];
    const idle = all.filter((session) => !session.downloads.isAsked && session.downloads.room > 0);
    if (idle.length === 0) return false;
    const late = all
      .map((session) => ({ session, queueMs: session.downloads.queueMs }))
      .filter(({ queueMs }) => queueMs > LATE_MS)
      .sort((a, b) => b.queueMs - a.queueMs)
      .slice(0, idle.length);
    let given = false;
    for (const { session } of late) {
      for (const location of session.downloads.last) {
        const wanted = this.#demand.get(chunkAt(location).id);
        if (
          wanted?.peer !== session.peer ||
          wanted.latePeer !== undefined ||
          !idle.some((other) => other.has(location))
        )
          continue;
        wanted.peer = undefined;
        wanted.latePeer = session.peer;
        given = true;
      }
    }
    return given;
  }

  #pick(free: readonly WantedChunk[], eligible: (wanted: WantedChunk) => boolean, room: number): Span | undefined {
    // Among a few peers there is nothing to trade: in order, for whoever reads.
    const turn = this.#sessions.size < TRADING_PEERS ? undefined : this.#random.next();
    const first = pickFirst(free, eligible, (wanted) => this.availability.of(wanted.location), turn);
    return first && extendSpan(this.#demand, first, eligible, room);
  }
}
