import type { BarePage } from '../stage/bare-browser.ts';

const HOUR_MS = 3_600_000;

interface Thrown {
  readonly text: string;
  readonly exception?: { readonly description?: string };
}

/** What went wrong in pages, and how many connections each of them constructed. */
export class Incidents {
  /** What an action of a visitor failed with. */
  readonly failures = new Map<string, number>();
  readonly uncaught = new Map<string, number>();
  /** Errors that `tabseed.on('error')` reported: delivery survives them. */
  readonly reported = new Map<string, number>();
  readonly #constructions = new Map<BarePage, number[]>();

  /** To be called before the page loads anything. */
  async watch(page: BarePage): Promise<void> {
    page.on('Inspector.targetCrashed', () => count(this.uncaught, 'the page crashed'));
    page.on('Runtime.exceptionThrown', ({ exceptionDetails }) => {
      const { text, exception } = exceptionDetails as Thrown;
      count(this.uncaught, exception?.description ?? text);
    });
    const times: number[] = [];
    this.#constructions.set(page, times);
    page.on('Runtime.bindingCalled', ({ name, payload }) => {
      if (name === 'soakConstructed') times.push(performance.now());
      else count(this.reported, payload as string);
    });
    for (const method of ['Inspector.enable', 'Runtime.enable']) await page.send(method);
    for (const name of ['soakConstructed', 'soakReported']) await page.send('Runtime.addBinding', { name });
    await page.send('Page.addScriptToEvaluateOnNewDocument', { source: WATCH_PAGE });
  }

  failed(action: string, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    const line = `${action}: ${text.split('\n', 1)[0] ?? ''}`;
    process.stderr.write(`${line}\n`);
    count(this.failures, line);
  }

  /** `mostInAnHour` is of the page and hour in which there were most. */
  get constructions(): { total: number; pages: number; mostInAnHour: number } {
    const all = [...this.#constructions.values()];
    return {
      total: all.reduce((sum, times) => sum + times.length, 0),
      pages: all.length,
      mostInAnHour: Math.max(0, ...all.map(mostWithinAnHour)),
    };
  }
}

/** Runs before the page's own scripts. A text, as the compiler would put its own calls into a function. */
const WATCH_PAGE = `
  globalThis.RTCPeerConnection = new Proxy(RTCPeerConnection, {
    construct(target, parameters, newTarget) {
      soakConstructed('');
      return Reflect.construct(target, parameters, newTarget);
    },
  });
  addEventListener('DOMContentLoaded', () => setTimeout(() => {
    globalThis.tabseed?.on('error', ({ code }) => soakReported(code));
  }));
`;

function mostWithinAnHour(times: readonly number[]): number {
  return Math.max(0, ...times.map((end) => times.filter((time) => time <= end && time > end - HOUR_MS).length));
}

function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}
