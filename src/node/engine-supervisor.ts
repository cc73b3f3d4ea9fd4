import { backoffMs } from '../core/backoff.ts';
import { OriginError, type OriginErrorCode, StoreError, type StoreErrorCode } from '../core/errors.ts';
import type { CancelTimer, Clock, Log, Random } from '../core/ports.ts';
import { addTraffic, noTraffic, type Traffic } from '../protocol/traffic.ts';
import type { Engine, EngineHandlers } from './engine.ts';
import type { EngineReport, EngineStatus, FailedStart } from './engine-report.ts';
import { NodePeerError, type NodePeerErrorCode } from './errors.ts';
import type { NodePeer, NodePeerProgress } from './mirroring-peer.ts';
import { type RecyclingReason, recyclingReason } from './recycling.ts';

/** An engine reports each second; a busy machine may keep it from that for some. */
const SILENCE_LIMIT_MS = 20_000;
/** An engine drains for up to 8.5 seconds. */
const STOP_LIMIT_MS = 9500;
/** Between the end of an engine and the next. */
const RESTART = { firstMs: 1000, maximumMs: 60_000 };
/** An engine that lived so long was no failed start. */
const STABLE_MS = 60_000;
/** So often in a row an engine may die before the first has started; then it will not. */
const FIRST_STARTS = 3;

export type NodePeerEvent =
  | { readonly type: 'engine-started'; readonly processId: number | undefined }
  /** It died, hung or could not start again; the next one starts after `restartMs`. */
  | { readonly type: 'engine-lost'; readonly how: string; readonly restartMs: number }
  /** It makes way for a new one. */
  | { readonly type: 'engine-recycled'; readonly reason: RecyclingReason }
  /** The disk limit has no room for so many chunks of the newest release: they are not seeded. */
  | { readonly type: 'disk-limit'; readonly chunkCount: number };

export interface SupervisorOptions {
  readonly launch: (handlers: EngineHandlers) => Engine;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly onProgress: (progress: NodePeerProgress) => void;
  readonly onEvent: (event: NodePeerEvent) => void;
  readonly onClosed: () => Promise<void>;
}

/** An engine's process and what is known of it. */
interface Run {
  readonly engine: Engine;
  readonly startedMs: number;
  heardMs: number;
  hasStarted: boolean;
  isStopping: boolean;
  /** The next one has been started, or may not be. */
  isReplaced: boolean;
  traffic: Traffic;
  /** Of the next look at it. */
  cancelTimer: CancelTimer | undefined;
}

/**
 * Keeps one engine's process alive: restarts it when it dies or falls silent, with growing pauses, and replaces it before it
 * grows old. Native code can crash or hang at any moment; what it leaves on disk is whole.
 */
export class EngineSupervisor implements NodePeer {
  readonly mirrored: Promise<void>;
  readonly retired: Promise<void>;
  readonly #options: SupervisorOptions;
  readonly #past = noTraffic();
  /** The current one, and those that are stopping. */
  readonly #runs = new Set<Run>();
  #current: Run | undefined;
  #status: EngineStatus | undefined;
  #attempt = 0;
  #cancelRestart: CancelTimer | undefined;
  #isClosed = false;
  #hasStarted = false;
  #settleStart: { resolve(): void; reject(error: Error): void } | undefined;
  #resolveMirrored: () => void = () => undefined;
  #resolveRetired: () => void = () => undefined;
  #rejectMirrored: (error: NodePeerError) => void = () => undefined;
  #onRunEnd: () => void = () => undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.retired = new Promise((resolve) => {
      this.#resolveRetired = resolve;
    });
    this.mirrored = new Promise((resolve, reject) => {
      this.#resolveMirrored = resolve;
      this.#rejectMirrored = reject;
    });
    // Whoever does not wait for it must not see the process end because of a close.
    this.mirrored.catch(() => undefined);
  }

  get peerCount(): number {
    return this.#status?.peers ?? 0;
  }

  get release(): { readonly sequence: number; readonly version: string } {
    return this.#status?.release ?? { sequence: 0, version: '' };
  }

  get traffic(): Traffic {
    const sum = noTraffic();
    addTraffic(sum, this.#past);
    for (const { traffic } of this.#runs) addTraffic(sum, traffic);
    return sum;
  }

  /** Resolves when the first engine seeds. */
  async start(): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.#settleStart = { resolve, reject };
        this.#launch();
      });
      this.#hasStarted = true;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelRestart?.();
    const ended = new Promise<void>((resolve) => {
      this.#onRunEnd = () => {
        if (this.#runs.size === 0) resolve();
      };
      this.#onRunEnd();
    });
    for (const run of this.#runs) this.#stop(run);
    await ended;
    this.#rejectMirrored(new NodePeerError('closed', 'closed before the mirror was complete'));
    await this.#options.onClosed();
  }

  #launch(): void {
    const nowMs = this.#options.clock.now();
    const engine = this.#options.launch({
      onReport: (report) => this.#handle(run, report),
      onEnd: (how) => this.#handleEnd(run, how),
    });
    const run: Run = {
      engine,
      startedMs: nowMs,
      heardMs: nowMs,
      hasStarted: false,
      isStopping: false,
      isReplaced: false,
      traffic: noTraffic(),
      cancelTimer: undefined,
    };
    this.#runs.add(run);
    this.#current = run;
    this.#watch(run);
  }

  /** Looks for silence. */
  #watch(run: Run): void {
    const silentMs = this.#options.clock.now() - run.heardMs;
    if (silentMs >= SILENCE_LIMIT_MS) run.engine.kill();
    else run.cancelTimer = this.#options.clock.after(SILENCE_LIMIT_MS - silentMs, () => this.#watch(run));
  }

  #handle(run: Run, report: EngineReport): void {
    run.heardMs = this.#options.clock.now();
    switch (report.type) {
      case 'started':
        run.hasStarted = true;
        this.#options.onEvent({ type: 'engine-started', processId: run.engine.processId });
        this.#settleStart?.resolve();
        break;
      case 'failed':
        this.#options.log.debug('engine-failed', { ...report.error });
        // Only the first start fails for good: later the origin or the disk may come back.
        if (!this.#hasStarted) this.#settleStart?.reject(asError(report.error));
        else if (report.error.code === 'retired') this.#resolveRetired();
        run.engine.kill();
        break;
      case 'status':
        run.traffic = report.status.traffic;
        if (run === this.#current) this.#handleStatus(run, report.status);
        break;
      case 'progress':
        if (run === this.#current) this.#options.onProgress(report.progress);
        break;
      case 'unfit':
        this.#options.onEvent({ type: 'disk-limit', chunkCount: report.chunkCount });
        break;
      case 'mirrored':
        this.#resolveMirrored();
        break;
      case 'retired':
        this.#resolveRetired();
        break;
      case 'left':
        this.#replace(run);
        break;
      default:
        report satisfies never;
    }
  }

  #handleStatus(run: Run, status: EngineStatus): void {
    this.#status = status;
    const ageMs = this.#options.clock.now() - run.startedMs;
    const reason = run.isStopping ? undefined : recyclingReason({ ...status, ageMs });
    if (reason === undefined) return;
    this.#options.onEvent({ type: 'engine-recycled', reason });
    this.#stop(run);
  }

  #stop(run: Run): void {
    if (run.isStopping) return;
    run.isStopping = true;
    run.engine.tell({ type: 'stop' });
    run.cancelTimer?.();
    run.cancelTimer = this.#options.clock.after(STOP_LIMIT_MS, () => run.engine.kill());
  }

  #handleEnd(run: Run, how: string): void {
    this.#runs.delete(run);
    run.cancelTimer?.();
    addTraffic(this.#past, run.traffic);
    this.#onRunEnd();
    if (run.isStopping) {
      this.#replace(run);
      return;
    }
    if (this.#isClosed) return;
    const { clock, random } = this.#options;
    if (run.hasStarted && clock.now() - run.startedMs >= STABLE_MS) this.#attempt = 0;
    const restartMs = Math.round(backoffMs(this.#attempt, RESTART, random));
    this.#attempt += 1;
    if (!this.#hasStarted && !run.hasStarted && this.#attempt >= FIRST_STARTS) {
      this.#settleStart?.reject(
        new NodePeerError('engine-died', `the seed's process ends before it starts (${how}): try the other --rtc`),
      );
      return;
    }
    this.#options.onEvent({ type: 'engine-lost', how, restartMs });
    this.#cancelRestart = clock.after(restartMs, () => this.#launch());
  }

  /** Two engines never write at the same time. */
  #replace(run: Run): void {
    if (run.isReplaced || this.#isClosed) return;
    run.isReplaced = true;
    this.#launch();
  }
}

/** The error as the engine's process threw it. */
function asError({ name, code, message }: FailedStart): Error {
  if (name === 'NodePeerError') return new NodePeerError(code as NodePeerErrorCode, message);
  if (name === 'OriginError') return new OriginError(code as OriginErrorCode, message);
  if (name === 'StoreError') return new StoreError(code as StoreErrorCode, message);
  return new Error(message);
}
