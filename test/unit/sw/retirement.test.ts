import { describe, expect, it } from 'vitest';
import { isRetired } from '../../../src/sw/retirement.ts';
import { MemoryRecords } from './memory-records.ts';

const HOUR_MS = 60 * 60 * 1000;
const START = 1_800_000_000_000;
const SCOPE = 'https://example.org/app/';
const POINTER = `${SCOPE}tabseed/pointer.bin`;
const WORKER = `${SCOPE}tabseed-sw.js`;

const answer = (status: number) => ({ status, ok: status >= 200 && status < 300 });

/** An origin whose statuses a test sets, and a worker that asks it. */
class Origin {
  readonly records = new MemoryRecords();
  readonly asked: string[] = [];
  /** Missing: no answer. */
  statuses: Readonly<Record<string, number>> = {};

  async ask(failure: unknown, now: number): Promise<boolean> {
    const fetch = (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
      const url = input as string;
      this.asked.push(`${url} ${init?.redirect} ${init?.cache}`);
      const status = this.statuses[url];
      return status === undefined
        ? Promise.reject(new TypeError('offline'))
        : Promise.resolve({ ...answer(status) } as Response);
    };
    const scope = { location: { href: WORKER }, registration: { scope: SCOPE } };
    return await isRetired({ records: this.records.open(), fetch }, scope as ServiceWorkerGlobalScope, failure, now);
  }
}

const MISSING = { status: 404 };

describe('a check for news', () => {
  it('retires at once what the signed pointer retires', async () => {
    const origin = new Origin();
    expect(await origin.ask({ code: 'retired' }, START)).toBe(true);
    expect(origin.asked).toEqual([]);
  });

  it('asks no more than the check itself when there is an answer, no network, or a failing server', async () => {
    const origin = new Origin();
    for (const failure of [undefined, new Error('offline'), { status: 503 }, { code: 'malformed' }, 'nonsense', null]) {
      expect(await origin.ask(failure, START)).toBe(false);
    }
    expect(origin.asked).toEqual([]);
    expect(origin.records.entries.size).toBe(0);
  });

  it('believes no redirect and no cache about what is missing', async () => {
    const origin = new Origin();
    origin.statuses = { [POINTER]: 0, [WORKER]: 0, [SCOPE]: 0 };
    expect(await origin.ask({ status: 410 }, START)).toBe(false);
    expect(origin.asked).toEqual([POINTER, WORKER, SCOPE].map((url) => `${url} manual no-store`));
  });

  it('does not take a missing manifest for a missing app', async () => {
    const origin = new Origin();
    origin.statuses = { [POINTER]: 200, [WORKER]: 200, [SCOPE]: 200 };
    expect(await origin.ask({ status: 410 }, START)).toBe(false);
  });

  it('remembers over restarts when both were missing first', async () => {
    const origin = new Origin();
    origin.statuses = { [POINTER]: 404, [WORKER]: 404, [SCOPE]: 200 };
    expect(await origin.ask(MISSING, START)).toBe(false);
    expect(await origin.ask(MISSING, START + HOUR_MS / 2)).toBe(false);
    expect(await origin.ask(MISSING, START + HOUR_MS)).toBe(true);
  });

  it.each([
    ['a check that succeeds', undefined, {}],
    ['a check without a network', new Error('offline'), {}],
    ['a server in trouble', { status: 500 }, {}],
    ['a network that fails while it looks', MISSING, {}],
    ['a worker script that is back', MISSING, { [POINTER]: 404, [WORKER]: 200, [SCOPE]: 200 }],
  ])('starts anew after %s', async (_, failure, statuses) => {
    const origin = new Origin();
    const missing = { [POINTER]: 404, [WORKER]: 404, [SCOPE]: 200 };
    origin.statuses = missing;
    await origin.ask(MISSING, START);
    origin.statuses = statuses;
    expect(await origin.ask(failure, START + HOUR_MS)).toBe(false);
    origin.statuses = missing;
    expect(await origin.ask(MISSING, START + HOUR_MS + 1)).toBe(false);
    expect(await origin.ask(MISSING, START + 2 * HOUR_MS + 1)).toBe(true);
  });
});
