import type { Browser } from 'playwright';

/** Longer than this and a frame or a key press is late for certain (W3C Long Tasks). */
const LONG_TASK_MS = 50;

export interface MainThreadLoad {
  /** Tasks over 50 ms of thread time on the main threads of all pages. */
  readonly longTasks: number;
  readonly longestMs: number;
  /** Of the thread time of tasks in which JavaScript ran. */
  readonly sliceP99Ms: number;
}

interface TraceEvent {
  readonly ph: string;
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  /** Thread time in microseconds: what other processes took from the core is not in it. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string; readonly data?: { readonly url?: string } };
}

/** Traces the main threads of a Chromium's pages. That costs CPU: take no times meanwhile. */
export class MainThreadWatch {
  readonly #browser: Browser;

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  start(): Promise<void> {
    return this.#browser.startTracing(undefined, { categories: ['toplevel', 'devtools.timeline', 'v8', 'blink'] });
  }

  async stop(): Promise<MainThreadLoad> {
    return loadOf([...eventsOf(await this.#browser.stopTracing())]);
  }
}

/** Those that are counted here. A trace of twelve pages is longer than a string may be: Chromium writes an event a line. */
function* eventsOf(trace: Buffer): Generator<TraceEvent> {
  let start = 0;
  for (let end = trace.indexOf('\n'); end >= 0; end = trace.indexOf('\n', start)) {
    const line = trace.toString('utf8', start, end);
    start = end + 1;
    if (!line.startsWith('{"args"')) continue;
    const event = JSON.parse(line.replace(/(,|\],"metadata":)$/, '')) as TraceEvent;
    if (event.name === 'thread_name' || event.name === TASK || event.name === KEPT || SCRIPT.has(event.name))
      yield event;
  }
}

function loadOf(events: readonly TraceEvent[]): MainThreadLoad {
  const mainThreads = new Set(
    events.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain').map(threadOf),
  );
  // Chromium draws parts of its own window with pages, whose scripts start long tasks while the first tabs open.
  const siteThreads = new Set(events.filter(({ args }) => args?.data?.url?.startsWith('http')).map(threadOf));
  const complete = events.filter((event) => {
    const thread = threadOf(event);
    return event.ph === 'X' && mainThreads.has(thread) && siteThreads.has(thread);
  });
  const isKeeping = startsOf(complete, (name) => name === KEPT);
  const tasks = complete.filter((event) => event.name === TASK && !isKeeping(event));
  const hasScript = startsOf(complete, (name) => SCRIPT.has(name));
  const slices = tasks
    .filter(hasScript)
    .map(threadMs)
    .sort((a, b) => a - b);
  const all = tasks.map(threadMs);
  return {
    longTasks: all.filter((ms) => ms > LONG_TASK_MS).length,
    longestMs: all.reduce((most, ms) => Math.max(most, ms), 0),
    sliceP99Ms: slices[Math.ceil(slices.length * 0.99) - 1] ?? Number.NaN,
  };
}

/** Chromium's name of one turn of a thread's loop. */
const TASK = 'ThreadControllerImpl::RunTask';
/**
 * DevTools, by which Playwright drives the pages, keeps bodies of up to 20 MB that a service worker gave, and makes
 * something of each at its end: 8 ms for 4 MiB, 16 for 8, 43 for 16, nothing for 24. With 16 MiB and a page that DevTools'
 * network domain watches it is 47 and 53 ms, without 0.2.
 */
const KEPT = 'ResponseBodyLoader::DidFinishLoadingBody';
const SCRIPT = new Set(['FunctionCall', 'RunMicrotasks', 'EvaluateScript', 'v8.callFunction']);

function threadOf({ pid, tid }: TraceEvent): string {
  return `${pid} ${tid}`;
}

function threadMs({ tdur = 0 }: TraceEvent): number {
  return tdur / 1000;
}

/** Tells of a task whether an event of such a name began in it. */
function startsOf(events: readonly TraceEvent[], matches: (name: string) => boolean): (task: TraceEvent) => boolean {
  const starts = new Map<string, number[]>();
  for (const event of events) {
    if (!matches(event.name)) continue;
    const known = starts.get(threadOf(event)) ?? [];
    starts.set(threadOf(event), known);
    known.push(event.ts);
  }
  for (const list of starts.values()) list.sort((a, b) => a - b);
  return (task) => hasWithin(starts.get(threadOf(task)) ?? [], task.ts, task.ts + (task.dur ?? 0));
}

/** Whether a sorted list has a number in the interval. */
function hasWithin(sorted: readonly number[], from: number, to: number): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < from) low = middle + 1;
    else high = middle;
  }
  const found = sorted[low];
  return found !== undefined && found <= to;
}
