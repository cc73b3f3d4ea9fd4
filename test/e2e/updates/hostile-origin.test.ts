import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { manifestPath, POINTER_PATH } from '../../../src/protocol/layout.ts';
import { decodePointer, MAX_SEQUENCE, type Pointer } from '../../../src/protocol/pointer.ts';
import { generateKey } from '../../../src/publisher/index.ts';
import { ended, forgedPointer } from './forged-pointer.ts';
import { seenBy, UpdatesSite } from './updates-site.ts';

let site: UpdatesSite;
let tab: Page;
/** As the publisher signed them: of release 1, and of release 2, which the page has. */
let first: Uint8Array;
let current: Uint8Array;

const forged = (changes: Partial<Pointer>, pem = site.key): Uint8Array => forgedPointer(current, changes, pem);

type Answer = Uint8Array | ((response: ServerResponse) => void);

function answer(path: string, response: ServerResponse, answers: Readonly<Record<string, Answer>>): boolean {
  const found = answers[path];
  if (found === undefined) return false;
  if (typeof found === 'function') found(response);
  else response.writeHead(200).end(found);
  return true;
}

/** What the origin says from now on. */
function attack(answers: Readonly<Record<string, Answer>>): void {
  site.stage.answer = (path, _, response) => answer(path, response, answers);
}

/** What a look for news ends with: the worker's own code, where it ends with an error. */
function refusal(): Promise<string | undefined> {
  return tab.evaluate(() =>
    tabseed.checkForUpdate().then(
      () => undefined,
      (error: unknown) => (error as { readonly detail?: string }).detail,
    ),
  );
}

const POINTER = `/${POINTER_PATH}`;

beforeAll(async () => {
  site = await UpdatesSite.open({ mode: 'off' }, { signal: false });
  tab = await site.visit(await (await site.stage.browser()).newContext());
  const readPointer = async (): Promise<Uint8Array> => new Uint8Array(await readFile(join(site.out, POINTER_PATH)));
  first = await readPointer();
  await site.publish(2);
  current = await readPointer();
  await tab.evaluate(async () => {
    const ready = new Promise((resolve) => tabseed.on('update-ready', resolve));
    await Promise.all([ready, tabseed.checkForUpdate()]);
    await tabseed.applyUpdate();
  });
  await tab.reload();
  expect(await seenBy(tab)).toEqual(['release 2', 'release 2']);
});

afterEach(async () => {
  await tab.reload();
  expect(await seenBy(tab)).toEqual(['release 2', 'release 2']);
  expect(await tab.evaluate(() => tabseed.stats().update)).toBeNull();
  site.stage.answer = () => false;
});

afterAll(() => site.close());

describe('a hostile origin', () => {
  it.each<[attack: string, code: string, forge: () => Uint8Array]>([
    ['freezes: it holds a pointer back until it has ended', 'expired', () => forged(ended())],
    ['sends it forward to where no successor is', 'sequence-too-high', () => forged({ sequence: MAX_SEQUENCE + 1 })],
    ['sends a pointer of another app', 'wrong-app', () => forged({ app: 'other' })],
    ['sends a pointer of another channel', 'wrong-channel', () => forged({ channel: 'other' })],
    ['signs with a key of its own', 'bad-signature', () => forged({}, generateKey().pem)],
    ['changes a signed pointer', 'bad-signature', () => forged({}).map((byte, at) => (at === 40 ? byte ^ 1 : byte))],
    [
      'sends a page instead of a pointer',
      'malformed',
      () => new TextEncoder().encode('<!doctype html><title>Sign in</title>'),
    ],
  ])('that %s is refused: %s', async (_attack, code, forge) => {
    attack({ [POINTER]: forge() });
    expect(await refusal()).toBe(code);
  });

  it('that mixes a pointer with the manifest of another release is refused: wrong-manifest', async () => {
    const { manifestHash, manifestBytes } = decodePointer(first).pointer;
    // A publisher's own mistake: the two were never signed together.
    attack({ [POINTER]: forged({ manifestHash, manifestBytes }) });
    expect(await refusal()).toBe('wrong-manifest');
    const manifest = new Uint8Array(await readFile(join(site.out, manifestPath(manifestHash))));
    const missing = 'ab'.repeat(32);
    attack({ [POINTER]: forged({ manifestHash: missing, manifestBytes }), [`/${manifestPath(missing)}`]: manifest });
    expect(await refusal()).toBe('wrong-manifest');
  });

  it('that sends the release before this one again is no news', async () => {
    attack({ [POINTER]: first });
    expect(await refusal()).toBeUndefined();
  });

  it.each([
    ['pointer', POINTER],
    ['manifest', `/${manifestPath('cd'.repeat(32))}`],
  ])('that never ends its %s is cut off', async (_what, endless) => {
    let sentBytes = 0;
    attack({
      [POINTER]: forged({ manifestHash: 'cd'.repeat(32), manifestBytes: 1000 }),
      [endless]: (response) => {
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(16_384))) sentBytes += 16_384;
        };
        response.writeHead(200).on('drain', more);
        more();
      },
    });
    expect(await refusal()).toBe('origin-length');
    // What sockets and pipes hold, not what the origin would send.
    expect(sentBytes).toBeLessThan(64_000_000);
  });
});
