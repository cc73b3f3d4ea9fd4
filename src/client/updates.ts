import type { CancelTimer, Clock, Random } from '../core/ports.ts';
import { releaseFiles } from '../platform/release-files.ts';
import type { PageMessage } from '../protocol/bridge-message.ts';
import { checkKey } from '../protocol/browser-names.ts';
import { decodeReleaseNews } from '../protocol/release-news.ts';
import { RELEASE_TIMING } from '../protocol/server-timing.ts';
import { PROTOCOL_VERSION } from '../protocol/version.ts';
import type { TabseedEvents, TabseedUpdate } from './api.ts';
import type { Emitter } from './emitter.ts';
import type { Releases } from './engine.ts';
import type { Leader } from './leader.ts';
import type { Staging } from './staging.ts';
import type { StartFiles } from './start-files.ts';
import type { WorkerLink } from './worker-link.ts';

/** A page that is shown again may have missed a lot; one that is switched to and fro must not ask each time. */
export const VISIBLE_INTERVAL_MS = 60_000;
/** How old the last check of any tab becomes while pages are open. */
export const CHECK_INTERVAL_MS = 30 * 60_000;
/** What pages start with is laid down after they have started. */
const START_FILES_DELAY_MS = 5000;
/** Of the interval, either way: browsers that were opened together must not ask together. */
const JITTER = 0.25;

export interface UpdatesPorts {
  readonly scope: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Pick<Emitter<TabseedEvents>, 'emit'>;
  readonly link: Pick<WorkerLink, 'post'>;
  /** What the worker has said before. */
  readonly news: unknown;
  /** @throws TabseedError */
  request(message: PageMessage): Promise<void>;
}

/**
 * What a tab does about updates: it asks for news in time, tells the page what becomes of them, and where it leads, brings
 * the next release into the store.
 */
export class Updates {
  /** The release that the worker has stamped on this page's document; 0 for one that came past it. */
  readonly release = documentRelease();
  readonly #ports: UpdatesPorts;
  #update: TabseedUpdate | null = null;
  #staging: Promise<Staging> | undefined;
  #startFiles: Promise<StartFiles> | undefined;
  #cancelStartFiles: CancelTimer | undefined;
  #isLost = false;
  /** The newest that is here. */
  #known = 0;

  constructor(ports: UpdatesPorts) {
    this.#ports = ports;
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') void this.checkIfDue();
    });
    this.#checkLater();
    // Before a check, which asks for what is newer.
    this.handleNews(ports.news);
    this.wake();
  }

  get update(): TabseedUpdate | null {
    return this.#update;
  }

  /** Tells the worker whose page this is, which it may have forgotten; the news come in its answer. */
  wake(): void {
    this.#ports.link.post({ type: 'watch', version: PROTOCOL_VERSION, release: this.release });
  }

  /** @throws TabseedError */
  async apply(): Promise<boolean> {
    try {
      await this.#ports.request({ type: 'apply' });
      return true;
    } catch (error) {
      if ((error as { readonly detail?: string }).detail !== 'no-update') throw error;
      // What is newer than this page may be the active release already.
      const isActive = this.#update === null || this.#update.staged;
      return isActive && this.release > 0 && this.#known > this.release;
    }
  }

  /**
   * The page gets the files of a newer release, since it can make a manifest out of an earlier one; the worker verifies
   * them, and fetches what the page did not get.
   *
   * @throws TabseedError
   */
  async check(): Promise<void> {
    const { scope } = this.#ports;
    noteCheck(scope);
    let offer: Uint8Array[] | undefined;
    try {
      offer = await releaseFiles(
        scope,
        (input, init) => fetch(input, init),
        this.#known,
        async (pointer) => {
          const { manifestOf } = await import('./start-engine.ts');
          return manifestOf(scope, pointer);
        },
      );
    } catch {
      // Offline, a connect-src that forbids it, a script that is not to be had: the worker says what is wrong.
    }
    await this.#ports.request({ type: 'check', intervalMs: 0, offer });
  }

  /** Unless a tab has checked since. Never rejects. */
  async checkIfDue(intervalMs = VISIBLE_INTERVAL_MS): Promise<void> {
    const ageMs = Date.now() - lastCheck(this.#ports.scope);
    // Below 0 the clock was set back.
    if (ageMs >= 0 && ageMs < intervalMs) return;
    try {
      await this.check();
    } catch (error) {
      // Offline is no news. What is there and is refused, the app's developers want to know.
      const { detail: code } = error as { readonly detail?: string };
      if (code === undefined || code.startsWith('origin-')) return;
      this.#ports.events.emit('update-failed', { sequence: 0, version: '', code });
    }
  }

  /** @param data untrusted; a worker that has no release yet has no news either. */
  handleNews(data: unknown): void {
    if (data === null || data === undefined) return;
    const { sequences, update } = decodeReleaseNews(data);
    const before = this.#update;
    this.#known = Math.max(...sequences, 0);
    if (JSON.stringify(before) !== JSON.stringify(update)) this.#update = update;
    if (update !== null) this.#tell(update, before?.sequence === update.sequence ? before : undefined);
    const isLost = this.release > 0 && !sequences.includes(this.release);
    if (isLost && !this.#isLost) this.#ports.events.emit('unrecoverable', { sequence: this.release });
    this.#isLost = isLost;
  }

  /** This tab leads, and the worker has told it what there is. */
  async stage(releases: Releases, leader: Leader): Promise<void> {
    this.#cancelStartFiles?.();
    this.#cancelStartFiles = this.#ports.clock.after(START_FILES_DELAY_MS, () => void this.#layStartFiles(releases));
    if (!releases.stage) return;
    this.#staging ??= this.#startStaging(leader);
    try {
      (await this.#staging).setReleases(releases);
    } catch {
      // The script is not to be had now. The releases come again with the next check.
      this.#staging = undefined;
    }
  }

  /** It does not lead any more. Resolves when nothing of it is written any more; never rejects. */
  async stop(): Promise<void> {
    const running = [this.#staging, this.#startFiles];
    this.#staging = undefined;
    this.#startFiles = undefined;
    this.#cancelStartFiles?.();
    await Promise.allSettled(running.map(async (work) => (await work)?.close()));
  }

  async #layStartFiles(releases: Releases): Promise<void> {
    try {
      this.#startFiles ??= import('./start-engine.ts').then(({ createStartFiles }) =>
        createStartFiles(this.#ports.scope),
      );
      // Newest first: what waits to be applied comes before the active one.
      (await this.#startFiles).setReleases(releases, this.#update === null ? 0 : 1);
    } catch {
      // The script is not to be had now. The releases come again.
      this.#startFiles = undefined;
    }
  }

  async #startStaging(leader: Leader): Promise<Staging> {
    const { createStaging } = await import('./start-engine.ts');
    const { scope, link } = this.#ports;
    return createStaging({
      scope,
      slot: leader.slot,
      tell: (progress) => void link.post({ type: 'staging', progress }),
      apply: () => void link.post({ type: 'apply' }),
      onTraffic: (delta) => leader.addTraffic(delta),
    });
  }

  #tell(update: TabseedUpdate, before: TabseedUpdate | undefined): void {
    const { events } = this.#ports;
    const { sequence, version, doneBytes, totalBytes, staged, failure } = update;
    const release = { sequence, version };
    if (before === undefined) events.emit('update-available', release);
    // A worker that was restarted since knows no figures.
    if (totalBytes > 0 && (doneBytes !== before?.doneBytes || totalBytes !== before.totalBytes)) {
      events.emit('update-progress', { ...release, doneBytes, totalBytes });
    }
    if (staged && !before?.staged) events.emit('update-ready', release);
    if (failure !== '' && before?.failure !== failure) events.emit('update-failed', { ...release, code: failure });
  }

  #checkLater(): void {
    const { clock, random } = this.#ports;
    const delayMs = CHECK_INTERVAL_MS * (1 - JITTER + 2 * JITTER * random.next());
    clock.after(delayMs, () => {
      // It is still open: its release is wanted, and one that it has outlived may go.
      this.wake();
      // Another tab may have asked meanwhile.
      void this.checkIfDue(CHECK_INTERVAL_MS / 2);
      this.#checkLater();
    });
  }
}

/** Of any tab, in Unix milliseconds. Without storage each tab asks for itself. */
function lastCheck(scope: string): number {
  try {
    return Number(localStorage.getItem(checkKey(scope)));
  } catch {
    return 0;
  }
}

function noteCheck(scope: string): void {
  try {
    localStorage.setItem(checkKey(scope), String(Date.now()));
  } catch {
    // Forbidden, or full: the next tab asks again, which costs it the pointer.
  }
}

function documentRelease(): number {
  const [load] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
  // Missing in Safari before 16.4.
  const timings = (load as Partial<PerformanceNavigationTiming> | undefined)?.serverTiming ?? [];
  const label = timings.find(({ name }) => name === RELEASE_TIMING)?.description;
  return label !== undefined && /^\d{1,15}$/.test(label) ? Number(label) : 0;
}
