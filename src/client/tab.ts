import { systemClock, systemRandom } from '../platform/system-clock.ts';
import type { PageMessage, WorkerStatus } from '../protocol/bridge-message.ts';
import { leaderLockName } from '../protocol/browser-names.ts';
import { PROTOCOL_VERSION } from '../protocol/version.ts';
import type { PauseScope, TabseedEvents, TabseedStats } from './api.ts';
import { ConsentRecord } from './consent-record.ts';
import { Device } from './device.ts';
import { type Circumstances, UNKNOWN_DEVICE } from './device-policy.ts';
import { Emitter } from './emitter.ts';
import type { Releases } from './engine.ts';
import { asTabseedError, retired, TabseedError } from './errors.ts';
import { FirstVisit } from './first-visit.ts';
import { KeepAlive } from './keep-alive.ts';
import { Leader } from './leader.ts';
import { LeaderElection } from './leader-election.ts';
import { Offspring } from './offspring.ts';
import { watchPageLife, whenPageIsQuiet } from './page-life.ts';
import { PauseSwitch } from './pause-switch.ts';
import { isController, registerWorker } from './registration.ts';
import { changedEvents, statsOf } from './stats.ts';
import type { Updates } from './updates.ts';
import { WorkerLink } from './worker-link.ts';
import { type WorkerScript, workerContainer } from './worker-script.ts';

/** What is needed later is not loaded beside what a page starts with, which goes on for a while after it has loaded. */
const UPDATES_DELAY_MS = 1000;

/** Wires the parts of one page together; what each decides is in its own file. */
export class Tab {
  readonly events = new Emitter<TabseedEvents>(reportError);
  readonly consent: ConsentRecord;
  readonly #script: WorkerScript;
  readonly #clock = systemClock();
  readonly #keepAlive = new KeepAlive(this.#clock, () => this.#link?.post({ type: 'keep-alive' }));
  #offspring: Offspring | undefined;
  #status: WorkerStatus | undefined;
  #link: WorkerLink | undefined;
  #election: LeaderElection | undefined;
  #leader: Leader | undefined;
  /** As counted by this tab's engine. */
  #peers: number | undefined;
  readonly #pause: PauseSwitch;
  #device: Device | undefined;
  #updates: Updates | undefined;
  #loadingUpdates: Promise<Updates> | undefined;
  /** Settled when the app has started, as far as one can know. */
  #appStarted: Promise<void> | undefined;
  #awake = true;
  #stats: TabseedStats;
  #onAnswer: (() => void) | undefined;
  readonly #answered = new Promise<void>((resolve) => {
    this.#onAnswer = resolve;
  });

  constructor(script: WorkerScript) {
    this.#script = script;
    this.#pause = new PauseSwitch(`tabseed pause ${script.scope}`, () => this.#applyCircumstances());
    this.consent = new ConsentRecord(`tabseed consent ${script.scope}`, () => {
      this.#refresh();
      this.#applyCircumstances();
    });
    this.#stats = this.#newStats();
  }

  get stats(): TabseedStats {
    return this.#stats;
  }

  /** @throws TabseedError as `Tabseed.ready` */
  async open(): Promise<void> {
    const container = workerContainer();
    if (new URLSearchParams(location.search).get('tabseed') === 'off') {
      throw new TabseedError('disabled', 'the page was opened with ?tabseed=off');
    }
    // Before the first pause: the page's own scripts run meanwhile.
    this.#offspring = new Offspring();
    const firstVisit = isController(container, this.#script) ? undefined : new FirstVisit(this.#script.scope);
    await this.#register(container);
    const link = this.#connect(container);
    firstVisit?.controlled(performance.now(), (urls) => link.post({ type: 'loaded', urls }));
    this.#takePart();
    // An app's worker may still be one from before Tabseed was in it, until the app lets the next one take over.
    if (this.#script.isApps) await this.#answered;
  }

  /** @throws TabseedError `request-failed`, `worker-gone`, `retired` */
  async request(message: PageMessage): Promise<void> {
    if (!this.#link) throw retired();
    const link = this.#link;
    const release = this.#keepAlive.hold();
    try {
      // A worker that was stopped or replaced meanwhile took the question with it: it is put to the next one.
      await link.request(message).catch((error: unknown) => {
        if (asTabseedError(error).code !== 'worker-gone') throw error;
        return link.request(message);
      });
    } finally {
      release();
    }
  }

  /** What a page does not start with. Not before it is ready. */
  updates(): Promise<Updates> {
    this.#loadingUpdates ??= this.#loadUpdates().catch((error: unknown) => {
      // The script is not to be had now.
      this.#loadingUpdates = undefined;
      throw error;
    });
    return this.#loadingUpdates;
  }

  async #loadUpdates(): Promise<Updates> {
    const { Updates } = await import('./updates.ts');
    if (!this.#link) throw retired();
    this.#updates = new Updates({
      scope: this.#script.scope,
      clock: this.#clock,
      random: systemRandom(),
      events: this.events,
      link: this.#link,
      news: this.#status?.news,
      request: (message) => this.request(message),
    });
    return this.#updates;
  }

  pause(paused: PauseScope | null): void {
    this.#pause.set(paused);
  }

  /** Says once, in one line, what a developer should know; the page goes on without Tabseed. */
  explain(error: unknown): void {
    const failure = asTabseedError(error);
    // biome-ignore lint/suspicious/noConsole: a site that has its own worker must learn why Tabseed does nothing
    if (failure.code === 'scope-taken') console.warn(`Tabseed: ${failure.message} (${failure.code})`);
    this.events.emit('error', failure);
  }

  async #register(container: ServiceWorkerContainer): Promise<void> {
    try {
      await registerWorker(container, this.#script);
    } catch (cause) {
      if (cause instanceof TabseedError) throw cause;
      // Sandboxed frames and blocked storage make every call of the container fail.
      throw new TabseedError('unsupported', 'service workers are not allowed here', { cause });
    }
  }

  #connect(container: ServiceWorkerContainer): WorkerLink {
    const link = new WorkerLink(container, this.#script, {
      onStatus: (status) => {
        this.#status = status;
        this.#onAnswer?.();
        this.#updates?.handleNews(status.news);
        this.#refresh();
      },
      onLeaderWanted: () => this.#leader?.lead(),
      onTakeOver: () => this.#takeOver(),
      onRetired: () => void this.#retire(),
      isOurs: (url) => this.#offspring?.has(url) === true,
      onWorkerChange: () => {
        this.#watch();
        this.#leader?.lead();
      },
      onError: (error) => this.events.emit('error', error),
    });
    this.#link = link;
    this.#watch();
    return link;
  }

  #takePart(): void {
    const { scope } = this.#script;
    this.#appStarted = new Promise((resolve) => {
      whenPageIsQuiet(() => this.#clock.after(UPDATES_DELAY_MS, resolve));
    });
    // Without Web Locks (Safari before 15.4) nobody leads: the worker works alone.
    const { locks } = navigator as { locks?: LockManager };
    this.#election =
      locks &&
      new LeaderElection(locks, leaderLockName(scope), {
        onElected: () => this.#lead(),
        onLost: () => void this.#stopLeading(),
        onFailed: (cause) => this.events.emit('error', new TabseedError('unsupported', 'no Web Locks', { cause })),
      });
    watchPageLife(
      () => this.#sleep(),
      () => this.#wake(),
    );
    addEventListener('online', () => this.#applyCircumstances());
    this.#device = new Device(navigator, () => this.#applyCircumstances());
    this.#pause.wake();
    this.consent.watch();
    this.#election?.join();
    void this.#appStarted
      .then(() => this.updates())
      .then((updates) => updates.checkIfDue())
      .catch(ignore);
  }

  #sleep(): void {
    this.#awake = false;
    this.#election?.leave();
    this.#pause.sleep();
  }

  #wake(): void {
    if (this.#awake || !this.#link) return;
    this.#awake = true;
    this.#pause.wake();
    this.consent.refresh();
    this.#watch();
    this.#election?.join();
  }

  /** The page goes on without Tabseed. The lock goes last: the worker then deletes what the engine has written. */
  async #retire(): Promise<void> {
    const election = this.#election;
    this.#election = undefined;
    this.#link = undefined;
    this.#status = undefined;
    this.#pause.sleep();
    await this.#stopLeading();
    election?.leave();
    this.events.emit('error', retired());
  }

  #watch(): void {
    this.#link?.post({ type: 'watch', version: PROTOCOL_VERSION, release: this.#updates?.release ?? 0 });
  }

  #takeOver(): void {
    if (!this.#awake) return;
    if (this.#leader) this.#leader.lead();
    else if (document.visibilityState === 'visible') this.#election?.takeOver();
  }

  #lead(): void {
    this.#leader = new Leader(
      {
        clock: this.#clock,
        keepAlive: this.#keepAlive,
        startEngine: async (releases, agreed, events) => {
          const { startEngine } = await import('./start-engine.ts');
          return startEngine(this.#script.scope, releases, agreed, events);
        },
        whenQuiet: whenPageIsQuiet,
        onReleases: (releases, leader) => void this.#stage(releases, leader).catch(ignore),
        postLead: (port) => this.#link?.post({ type: 'lead', version: PROTOCOL_VERSION }, [port]),
        offer: (pointer, manifest) => this.request({ type: 'check', intervalMs: 0, offer: [pointer, manifest] }),
        onPeers: (count) => {
          this.#peers = count;
          this.#refresh();
        },
        onConsentWanted: (wanted) => this.consent.setWanted(wanted),
        onError: (error) => this.events.emit('error', error),
      },
      this.#circumstances(),
    );
    this.#leader.lead();
    this.#refresh();
  }

  async #stage(releases: Releases, leader: Leader): Promise<void> {
    await this.#appStarted;
    const updates = await this.updates();
    if (this.#leader === leader) await updates.stage(releases, leader);
  }

  async #stopLeading(): Promise<void> {
    const leader = this.#leader;
    const stopped = this.#updates?.stop();
    this.#leader = undefined;
    this.#peers = undefined;
    this.#refresh();
    await leader?.close().catch((error: unknown) => this.events.emit('error', asTabseedError(error)));
    await stopped;
  }

  #applyCircumstances(): void {
    this.#leader?.setCircumstances(this.#circumstances());
  }

  #circumstances(): Circumstances {
    const device = this.#device?.facts ?? UNKNOWN_DEVICE;
    return { device, paused: this.#pause.paused, consent: this.consent.state };
  }

  #refresh(): void {
    const before = this.#stats;
    const after = this.#newStats();
    const changed = changedEvents(before, after);
    if (changed.length === 0) return;
    this.#stats = after;
    for (const event of changed) this.events.emit(event, event === 'stats' ? after : after[event]);
  }

  #newStats(): TabseedStats {
    const { state: consent } = this.consent;
    return statsOf(this.#status, {
      leader: this.#leader !== undefined,
      peers: this.#peers,
      consent,
      update: this.#updates?.update ?? null,
    });
  }
}

/** A script that is not to be had: the page goes without. */
function ignore(): undefined {
  return undefined;
}
