import type { PeerId } from '../protocol/identifier.ts';
import type { IceServer } from '../protocol/signal-message.ts';
import { backoffMs } from './backoff.ts';
import type { SwarmPolicy } from './policy.ts';
import type { CancelTimer, Dialing, PeerLink, SwarmPorts } from './ports.ts';

type RosterPorts = Pick<SwarmPorts, 'clock' | 'random' | 'log' | 'signaling' | 'dialer'>;

export interface RosterHost {
  onLink(peer: PeerId, link: PeerLink): void;
  /** Something changed that bears on where chunks may come from. */
  onChange(): void;
}

const HOUR_MS = 3_600_000;
/** Wait before asking for partners again after one was lost or none was found. */
const MATCH_BACKOFF = { firstMs: 2000, maximumMs: 60_000 };
/** A partner is named in the same round trip as the welcome; half a second later there is none. */
const PARTNER_GRACE_MS = 500;

/** Whom we know: asks the signaling server for partners and turns them into links, within the budget. */
export class Roster {
  readonly #ports: RosterPorts;
  readonly #policy: SwarmPolicy;
  readonly #host: RosterHost;
  readonly #dialings = new Map<PeerId, Dialing>();
  readonly #linked = new Set<PeerId>();
  readonly #banned = new Set<PeerId>();
  #dialTimesMs: number[] = [];
  #iceServers: readonly IceServer[] = [];
  #state: 'connecting' | 'joined' | 'down' = 'connecting';
  #openedAtMs = 0;
  #joinedAtMs = 0;
  #partnerSeen = false;
  #matchAttempt = 0;
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
      onWelcome: ({ iceServers }) => this.#handleWelcome(iceServers),
      onPartner: ({ peer, initiator }) => this.#handlePartner(peer, initiator),
      onSignal: (from, signal) => this.#dialings.get(from)?.handleSignal(signal),
      onGone: (peer) => this.#handleGone(peer),
      onDown: (reason) => {
        this.#ports.log.debug('signaling-down', { reason });
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

  /** No way to a new peer now: signaling is away and nothing is being dialed. */
  get isCutOff(): boolean {
    return this.#state === 'down' && this.#dialings.size === 0;
  }

  /** The first moments, in which a peer may turn up at any time: bulk demand waits for it. */
  isIntroducing(nowMs: number): boolean {
    if (this.#linked.size > 0 || this.isCutOff) return false;
    if (nowMs - this.#openedAtMs >= this.#policy.bulkOriginDelayMs) return false;
    return this.#state === 'connecting' || this.#partnerSeen || nowMs - this.#joinedAtMs < PARTNER_GRACE_MS;
  }

  /** A link ended; the match is dissolved and another partner asked for. */
  onLinkEnd(peer: PeerId, banned: boolean): void {
    if (banned) this.#banned.add(peer);
    this.#drop(peer);
  }

  #handleWelcome(iceServers: readonly IceServer[]): void {
    this.#iceServers = iceServers;
    this.#state = 'joined';
    this.#joinedAtMs = this.#ports.clock.now();
    this.#matchAttempt = 0;
    this.#match();
    this.#host.onChange();
  }

  #handlePartner(peer: PeerId, initiator: boolean): void {
    if (this.#closed || this.#dialings.has(peer) || this.#linked.has(peer)) return;
    if (!this.#mayDial(peer)) {
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
          this.#linked.add(peer);
          this.#matchAttempt = 0;
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

  #mayDial(peer: PeerId): boolean {
    const nowMs = this.#ports.clock.now();
    this.#dialTimesMs = this.#dialTimesMs.filter((time) => nowMs - time < HOUR_MS);
    return (
      !this.#banned.has(peer) &&
      this.#linked.size + this.#dialings.size < this.#policy.maximumPeers &&
      this.#dialTimesMs.length < this.#policy.dialsPerHour
    );
  }

  #handleGone(peer: PeerId): void {
    // An open link outlives its match: the server's view of the partner says nothing about the connection.
    if (!this.#dialings.has(peer)) return;
    this.#drop(peer);
  }

  #drop(peer: PeerId): void {
    this.#dialings.get(peer)?.close();
    this.#dialings.delete(peer);
    this.#linked.delete(peer);
    if (this.#closed) return;
    this.#ports.signaling.unmatch(peer);
    this.#matchLater();
    this.#host.onChange();
  }

  #match(): void {
    const missing = this.#policy.wantedPeers - this.#linked.size - this.#dialings.size;
    if (missing > 0 && this.#state === 'joined') this.#ports.signaling.match(missing);
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
