import type { CancelTimer, Clock } from '../core/ports.ts';
import type { Traffic } from '../protocol/traffic.ts';
import type { Circumstances } from './device-policy.ts';
import type { Releases, StartEngine } from './engine.ts';
import { EngineSlot } from './engine-slot.ts';
import { TabseedError } from './errors.ts';
import type { KeepAlive } from './keep-alive.ts';
import { LeaderPort } from './leader-port.ts';
import { TrafficReport } from './traffic-report.ts';

export interface LeaderPorts {
  readonly clock: Clock;
  /** Held while the worker waits for chunks: what it streams to pages does not keep it alive. */
  readonly keepAlive: KeepAlive;
  readonly startEngine: StartEngine;
  readonly whenQuiet: (start: () => void) => CancelTimer;
  /** The worker told its leader what it serves. */
  onReleases(releases: Releases, leader: Leader): void;
  /** Brings the other end of a channel to the worker; the worker answers on it with `releases`. */
  postLead(port: MessagePort): void;
  /** Brings the worker a release that a peer told of. @throws TabseedError */
  offer(pointer: Uint8Array, manifest: Uint8Array): Promise<void>;
  onPeers(count: number): void;
  onConsentWanted(wanted: boolean): void;
  onError(error: TabseedError): void;
}

/** What the leader tab does: connects the engine to the worker, for as long as it leads. */
export class Leader {
  readonly #ports: LeaderPorts;
  readonly slot: EngineSlot;
  readonly #report: TrafficReport;
  #port: LeaderPort | undefined;
  #releaseWorker: (() => void) | undefined;

  constructor(ports: LeaderPorts, circumstances: Circumstances) {
    this.#ports = ports;
    this.#report = new TrafficReport(ports.clock, {
      send: (traffic, peers) => {
        if (!this.#port?.accepted) return false;
        this.#port.send({ type: 'report', traffic, peers });
        return true;
      },
      wake: () => this.lead(),
    });
    this.slot = new EngineSlot(
      {
        clock: ports.clock,
        startEngine: ports.startEngine,
        whenQuiet: ports.whenQuiet,
        events: {
          onPeers: (count) => {
            this.#report.setPeers(count);
            ports.onPeers(count);
          },
          onTraffic: (delta) => this.addTraffic(delta),
          offer: (pointer, manifest) => ports.offer(pointer, manifest),
          onBan: (peer, reason) => ports.onError(new TabseedError('peer-banned', `${peer}: ${reason}`)),
        },
        onConsentWanted: (wanted) => ports.onConsentWanted(wanted),
        onFailed: (cause) => ports.onError(new TabseedError('engine-failed', 'the engine did not start', { cause })),
      },
      circumstances,
    );
  }

  /** Opens a channel to the worker that controls the page now; what was open on the former one ends. */
  lead(): void {
    this.#closePort();
    const { port1, port2 } = new MessageChannel();
    const port: LeaderPort = new LeaderPort(port1, this.slot, {
      onReleases: (releases) => {
        this.#report.resume();
        this.#ports.onReleases(releases, this);
      },
      onBusy: (busy) => this.#keepAlive(busy),
      onClosed: () => {
        if (this.#port === port) this.#closePort();
      },
      onBadRequest: (cause) => this.#ports.onError(new TabseedError('bad-message', 'request of the worker', { cause })),
    });
    this.#port = port;
    this.#ports.postLead(port2);
  }

  /** Of what came without the engine. */
  addTraffic(delta: Traffic): void {
    this.#report.addTraffic(delta);
  }

  setCircumstances(circumstances: Circumstances): void {
    this.slot.setCircumstances(circumstances);
  }

  /**
   * Resolves when the engine has closed its connections. The port closes first: open wants stay unanswered, and the
   * worker takes them to the next leader instead of the origin.
   */
  async close(): Promise<void> {
    this.#report.close();
    this.#closePort();
    await this.slot.close();
  }

  #closePort(): void {
    this.#keepAlive(false);
    this.#port?.close();
    this.#port = undefined;
  }

  #keepAlive(busy: boolean): void {
    this.#releaseWorker?.();
    this.#releaseWorker = busy ? this.#ports.keepAlive.hold() : undefined;
  }
}
