import { beforeEach, describe, expect, it } from 'vitest';
import { OriginError } from '../../../src/core/errors.ts';
import { OriginRetirement } from '../../../src/node/origin-retirement.ts';
import { POINTER_PATH, WORKER_SCRIPT } from '../../../src/protocol/layout.ts';
import { RETIRED_CONFIG_PREFIX, WORKER_CONFIG_PREFIX, type WorkerConfig } from '../../../src/protocol/worker-config.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const MINUTE_MS = 60_000;
const BASE = 'https://example.org/app/';
const CONFIG: WorkerConfig = { app: 'app', channel: 'stable', keys: ['a'.repeat(64)], development: false };
const RETIRED_SCRIPT = `${RETIRED_CONFIG_PREFIX}${JSON.stringify(CONFIG)};\n`;
const missing = (status: number): OriginError => new OriginError('origin-status', `HTTP ${status}`, { status });

let clock: VirtualClock;
let asked: string[];
/** By path; `undefined`: no answer. */
let answers: Record<string, { status: number; text?: string } | undefined>;
let retirement: OriginRetirement;

beforeEach(() => {
  clock = new VirtualClock();
  asked = [];
  answers = {
    [POINTER_PATH]: { status: 200 },
    [WORKER_SCRIPT]: { status: 200, text: `${WORKER_CONFIG_PREFIX}${JSON.stringify(CONFIG)};\n` },
    '': { status: 200 },
  };
  const fetch = (input: RequestInfo | URL): Promise<Response> => {
    const path = (input as URL).href.slice(BASE.length);
    asked.push(path);
    const known = answers[path];
    if (known === undefined) return Promise.reject(new TypeError('offline'));
    return Promise.resolve(new Response(known.text ?? '', { status: known.status }));
  };
  retirement = new OriginRetirement({ base: BASE, published: CONFIG, fetch, clock });
});

/** Checks every minute for so long; says after how many it was retired, and `undefined` when it was not. */
async function watch(minutes: number, failure?: unknown): Promise<number | undefined> {
  for (let minute = 1; minute <= minutes; minute += 1) {
    await clock.advance(MINUTE_MS);
    if (await retirement.isRetired(failure)) return minute;
  }
  return undefined;
}

describe('a running peer', () => {
  it('goes on while the worker script is the app’s, and reads it four times an hour', async () => {
    expect(await watch(60)).toBeUndefined();
    expect(asked).toEqual([WORKER_SCRIPT, WORKER_SCRIPT, WORKER_SCRIPT, WORKER_SCRIPT]);
  });

  it('sees within a quarter of an hour that the worker script only removes itself', async () => {
    answers[WORKER_SCRIPT] = { status: 200, text: RETIRED_SCRIPT };
    expect(await watch(60)).toBe(15);
  });

  it('sees it too when the pointer is still answered and the script is gone for good', async () => {
    answers[WORKER_SCRIPT] = { status: 410 };
    expect(await watch(60)).toBe(15);
  });

  it('does not take the retirement of another app for its own', async () => {
    const other = { ...CONFIG, app: 'other' };
    answers[WORKER_SCRIPT] = { status: 200, text: `${RETIRED_CONFIG_PREFIX}${JSON.stringify(other)};\n` };
    expect(await watch(60)).toBeUndefined();
  });

  it('obeys 410 for the pointer at once', async () => {
    answers[POINTER_PATH] = { status: 410 };
    expect(await watch(1, missing(410))).toBe(1);
    expect(asked).toEqual([POINTER_PATH, WORKER_SCRIPT, '']);
  });

  it('takes pointer and script that are both missing for an hour as a retirement, while the app is there', async () => {
    Object.assign(answers, { [POINTER_PATH]: { status: 404 }, [WORKER_SCRIPT]: { status: 404 } });
    expect(await watch(120, missing(404))).toBe(61);
  });

  it.each([
    ['a server in trouble', missing(503)],
    ['no network', new OriginError('origin-unreachable', 'offline')],
    ['a disk in trouble', new Error('EIO')],
  ])('is not retired by %s', async (_, failure) => {
    answers = {};
    expect(await watch(120, failure)).toBeUndefined();
  });

  it.each([
    ['a redirect in their place', { [POINTER_PATH]: { status: 302 }, [WORKER_SCRIPT]: { status: 302 } }],
    ['a missing manifest', {}],
    [
      'an origin that is empty',
      { [POINTER_PATH]: { status: 404 }, [WORKER_SCRIPT]: { status: 404 }, '': { status: 404 } },
    ],
  ])('is not retired by %s', async (_, changed) => {
    Object.assign(answers, changed);
    expect(await watch(120, missing(404))).toBeUndefined();
  });

  it('starts the hour anew after a check that succeeded', async () => {
    Object.assign(answers, { [POINTER_PATH]: { status: 404 }, [WORKER_SCRIPT]: { status: 404 } });
    expect(await watch(59, missing(404))).toBeUndefined();
    expect(await watch(1)).toBeUndefined();
    expect(await watch(60, missing(404))).toBeUndefined();
    expect(await watch(1, missing(404))).toBe(1);
  });
});
