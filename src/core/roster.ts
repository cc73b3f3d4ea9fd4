import type { PeerId } from '../protocol/identifier.ts';
import type { IceServer, Lease } from '../protocol/signal-message.ts';
import { backoffMs } from './backoff.ts';
import type { SwarmPolicy } from './policy.ts';
import type { CancelTimer, Dialing, PeerLink, SwarmPorts } from './ports.ts';

type RosterPorts = Pick<SwarmPorts, 'clock' | 'random' | 'log' | 'signaling' | 'dialer'>;

export interface RosterHost {
  onLink(peer: PeerId, link: PeerLink): void;
  /** A server, the same or a new one, knows us under a new id. */
  onJoin(): void;
  onLeases(leases: readonly Lease[]): void;
  /** Something changed that bears on where chunks may come from. */
  onChange(): void;
  /** Room is needed: ends the link of a spare partner, unless that is in use, and says whether it did. */
  leave(peer: PeerId): boolean;
}

const HOUR_MS = 3_600_000;
/** Wait before asking for partners again after one was lost or none was found. */
const MATCH_BACKOFF = { firstMs: 2000, maximumMs: 60_000 };
/** A link that lasted so long was a good one: the next partner is asked for without a pause. */
const STABLE_LINK_MS = 60_000;
/** How long a peer that was of no use is not dialed again. */
const SHUN_MS = 600_000;
/** One that stalled may have had a bad moment, or we had: so long at first, four times as long each time. */
const FIRST_STALL_SHUN_MS = 30_000;
const STALL_SHUN_GROWTH = 4;
/** Of the budget, what is left for partners that we asked for: others could use all of it up by asking for us. */
const OWN_SHARE = 1 / 3;
/** Who waits for chunks asks so often whether there is a partner whom nobody else needs. */
const SEEK_INTERVAL_MS = 3000;

/** Whom we know: asks the signaling server for partners and turns them into links, within the budget. */
export class Roster {
  readonly #ports: RosterPorts;
  readonly #policy: SwarmPolicy;
  readonly #host: RosterHost;
  readonly #dialings = new Map<PeerId, Dialing>();
  /** Since when. */
  readonly #linked = new Map<PeerId, number>();
  /** Linked, and of no more use to us than we are to them, as far as one side can tell. */
  readonly #spare = new Set<PeerId>();
  /** Until when; for ever when banned. */
  readonly #shunned = new Map<PeerId, number>();
  /** How often it stalled. */
  readonly #stalls = new Map<PeerId, number>();
  #dialTimesMs: number[] = [];
  #iceServers: readonly IceServer[] = [];
  #state: 'connecting' | 'joined' | 'down' = 'connecting';
  #self: PeerId | undefined;
  /** The first moments began. */
  #openedAtMs = 0;
  #isWanted = false;
  #joinedAtMs = 0;
  #lostAtMs = Number.NEGATIVE_INFINITY;
  #partnerSeen = false;
  /** A link has told what it has, or ended without. */
  #wasHeard = false;
  #matchAttempt = 0;
  #soughtAtMs = 0;
  #cancelMatchTimer: CancelTimer | undefined;
  #closed = false;

  constructor(ports: RosterPorts, policy: SwarmPolicy, host: RosterHost) {
    this.#ports = ports;
    this.#policy = policy;
    this.#host = host;
  }

  open(): void {
    this.#openedAtMs = this.#ports.clock.now();
    const { signaling } = this.#ports;
    signaling.open({
      onWelcome: ({ peer, iceServers }) => this.#handleWelcome(peer, iceServers),
      onPartner: ({ peer, initiator }) => this.#handlePartner(peer, initiator),
      onSignal: (from, signal) => this.#dialings.get(from)?.handleSignal(signal),
      onGone: (peer) => this.#handleGone(peer),
      onLeases: (leases) => this.#host.onLeases(leases),
      onDown: (reason) => {
        this.#ports.log.debug('signaling-down', { reason });
        if (this.isJoined) this.#lostAtMs = this.#ports.clock.now();
        this.#state = 'down';
        this.#host.onChange();
      },
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelMatchTimer?.();
    for (const dialing of this.#dialings.values()) dialing.close();
    this.#dialings.clear();
    await this.#ports.signaling.close();
  }

  /** The id under which partners know us; `undefined` before the first welcome. */
  get self(): PeerId | undefined {
    return this.#self;
  }

  get isJoined(): boolean {
    return this.#state === 'joined';
  }

  /** Nobody is connected, and somebody may be soon: the server has not answered yet, nor failed, or the way is tried. */
  get isMeeting(): boolean {
    return this.#state === 'connecting' || (this.#linked.size === 0 && this.#dialings.size > 0);
  }

  /** When the server was last lost. */
  get serverLostMs(): number {
    return this.#lostAtMs;
  }

  /** Named partners to whom the way is being tried. */
  get dialing(): readonly PeerId[] {
    return [...this.#dialings.keys()];
  }

  /** No way to a new peer now: signaling is away and nothing is being dialed. */
  get isCutOff(): boolean {
    return this.#state === 'down' && this.#dialings.size === 0;
  }

  /**
   * Something is wanted. Until the server has answered, the first moments begin with the first want: before that nobody
   * waited, and on a busy machine they would be over.
   */
  onWant(): void {
    if (!this.#isWanted && this.#state === 'connecting') this.#openedAtMs = this.#ports.clock.now();
    this.#isWanted = true;
  }

  /** The first moments, in which a peer may turn up at any time: bulk demand waits for it. */
  isIntroducing(nowMs: number): boolean {
    // Also when the first link has ended again: a bad first peer must not cost the page the rest of these moments.
    if (this.#wasHeard || this.isCutOff) return false;
    const { bulkOriginDelayMs, aloneOriginDelayMs } = this.#policy;
    if (nowMs - this.#openedAtMs >= bulkOriginDelayMs) return false;
    return this.#state === 'connecting' || this.#partnerSeen || nowMs - this.#joinedAtMs < aloneOriginDelayMs;
  }

  /**
   * Neither needs anything of the other. The link stays, for what may come, but the server counts them as partners no
   * more: both are free for others.
   */
  spare(peer: PeerId): void {
    if (!this.#linked.has(peer) || this.#spare.has(peer)) return;
    this.#spare.add(peer);
    this.#ports.signaling.unmatch(peer);
  }

  /** Chunks are waited for: there may be a partner to spare for us, beyond those that we have. */
  seek(): void {
    const nowMs = this.#ports.clock.now();
    if (nowMs - this.#soughtAtMs < SEEK_INTERVAL_MS || !this.isJoined) return;
    this.#soughtAtMs = nowMs;
    const partners = this.#partners;
    if (partners >= this.#policy.wantedPeers && this.#hasRoom()) this.#ports.signaling.match(1, partners);
  }

  /** A peer has told what it has: whoever waited for that knows now. */
  onHeard(): void {
    this.#wasHeard = true;
  }

  /** A link ended: by itself, or we left it because it gave nothing, was of no use, or because of its offence. */
  onLinkEnd(peer: PeerId, how: 'closed' | 'stalled' | 'left' | 'banned'): void {
    const nowMs = this.#ports.clock.now();
    this.#wasHeard = true;
    if (how === 'banned') this.#shunned.set(peer, Number.POSITIVE_INFINITY);
    if (how === 'left') this.#shunned.set(peer, nowMs + SHUN_MS);
    if (nowMs - (this.#linked.get(peer) ?? nowMs) >= STABLE_LINK_MS) {
      this.#matchAttempt = 0;
      this.#stalls.delete(peer);
    }
    if (how === 'stalled') this.#shunStalled(peer, nowMs);
    this.#drop(peer);
  }

  #shunStalled(peer: PeerId, nowMs: number): void {
    const stalls = this.#stalls.get(peer) ?? 0;
    this.#stalls.set(peer, stalls + 1);
    this.#shunned.set(peer, nowMs + Math.min(SHUN_MS, FIRST_STALL_SHUN_MS * STALL_SHUN_GROWTH ** stalls));
  }

  #handleWelcome(self: PeerId, iceServers: readonly IceServer[]): void {
    this.#self = self;
    this.#iceServers = this.#policy.isSiteOnly ? withoutRelays(iceServers) : iceServers;
    this.#state = 'joined';
    this.#joinedAtMs = this.#ports.clock.now();
    this.#soughtAtMs = this.#joinedAtMs;
    this.#matchAttempt = 0;
    this.#match();
    this.#host.onJoin();
    this.#host.onChange();
  }

  #handlePartner(peer: PeerId, initiator: boolean): void {
    if (this.#closed || peer === this.#self) return;
    this.#spare.delete(peer);
    if (this.#linked.has(peer)) return;
    // Named again, while we still dial: the pair was dissolved meanwhile, and the other side knows nothing of that dialing.
    this.#dialings.get(peer)?.close();
    this.#dialings.delete(peer);
    if (!this.#mayDial(peer, initiator)) {
      this.#ports.signaling.unmatch(peer);
      return;
    }
    this.#partnerSeen = true;
    this.#dialTimesMs.push(this.#ports.clock.now());
    const dialing = this.#ports.dialer.dial(
      { peer, initiator, iceServers: this.#iceServers },
      {
        onSignal: (signal) => this.#ports.signaling.send(peer, signal),
        onOpen: (link) => {
          this.#dialings.delete(peer);
          this.#linked.set(peer, this.#ports.clock.now());
          this.#host.onLink(peer, link);
        },
        onFailed: (reason) => {
          this.#ports.log.debug('dial-failed', { peer, reason });
          this.#drop(peer);
        },
      },
    );
    this.#dialings.set(peer, dialing);
  }

  #mayDial(peer: PeerId, initiator: boolean): boolean {
    const nowMs = this.#ports.clock.now();
    this.#dialTimesMs = this.#dialTimesMs.filter((time) => nowMs - time < HOUR_MS);
    // Who asks is the initiator.
    const budget = this.#policy.dialsPerHour * (initiator ? 1 : 1 - OWN_SHARE);
    return (
      nowMs >= (this.#shunned.get(peer) ?? 0) &&
      this.#dialTimesMs.length < budget &&
      (this.#hasRoom() || this.#makeRoom())
    );
  }

  get #partners(): number {
    return this.#linked.size + this.#dialings.size;
  }

  #hasRoom(): boolean {
    return this.#partners < this.#policy.maximumPeers;
  }

  /** The newest goes: whoever asks for us again and again takes the place of no partner of long standing. */
  #makeRoom(): boolean {
    for (const peer of [...this.#spare].reverse()) {
      if (this.#host.leave(peer)) return this.#hasRoom();
    }
    return false;
  }

  #handleGone(peer: PeerId): void {
    if (this.#dialings.has(peer)) this.#drop(peer);
    // An open link outlives its match: it may have had the server forget us, as one of no use, or have lost the server.
    else if (this.#linked.has(peer)) this.#spare.add(peer);
  }

  #drop(peer: PeerId): void {
    this.#dialings.get(peer)?.close();
    this.#dialings.delete(peer);
    this.#linked.delete(peer);
    this.#spare.delete(peer);
    if (this.#closed) return;
    this.#ports.signaling.unmatch(peer);
    this.#matchLater();
    this.#host.onChange();
  }

  #match(): void {
    const partners = this.#partners;
    const missing = this.#policy.wantedPeers - partners;
    if (missing > 0 && this.#state === 'joined') this.#ports.signaling.match(missing, partners);
  }

  #matchLater(): void {
    if (this.#cancelMatchTimer !== undefined) return;
    const delayMs = backoffMs(this.#matchAttempt, MATCH_BACKOFF, this.#ports.random);
    this.#matchAttempt += 1;
    this.#cancelMatchTimer = this.#ports.clock.after(delayMs, () => {
      this.#cancelMatchTimer = undefined;
      this.#match();
    });
  }
}

/** A partner of the same site is reached without a relay; whoever is not, is none. */
function withoutRelays(servers: readonly IceServer[]): IceServer[] {
  return servers
    .map((server) => ({ ...server, urls: server.urls.filter((url) => !/^turns?:/.test(url)) }))
    .filter(({ urls }) => urls.length > 0);
}
