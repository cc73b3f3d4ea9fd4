import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { PublishedFolder } from '../origin-server/published-folder.ts';

const MAIN = join(import.meta.dirname, '../../../src/cli/main.ts');
/** tsx compiles the whole command at its start, with both cores busy. */
const START_TIMEOUT_MS = 30_000;

let folder: PublishedFolder;
beforeAll(async () => {
  folder = await PublishedFolder.create([{ path: 'index.html', bytes: Buffer.from('page') }]);
});
afterAll(() => folder.remove());

function tabseed(...commandLine: string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...commandLine], { stdio: 'pipe' });
  return { child, exit: exitOf(child), firstLine: () => firstLineOf(child), errors: text(child.stderr) };
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

async function firstLineOf(child: ChildProcess): Promise<string> {
  let seen = '';
  for await (const piece of child.stdout ?? []) {
    seen += String(piece);
    if (seen.includes('\n')) break;
  }
  return seen.slice(0, seen.indexOf('\n'));
}

describe('tabseed serve', { timeout: START_TIMEOUT_MS }, () => {
  it('prints where it listens, serves, and ends with 0 on SIGTERM after telling its signaling clients', async () => {
    const { child, exit, firstLine } = tabseed('serve', folder.root, '--port', '0', '--json');
    const { url, signal } = JSON.parse(await firstLine()) as { url: string; signal: boolean };
    expect(signal).toBe(true);
    expect(await (await fetch(url)).text()).toBe('page');
    const socket = new WebSocket(`${url.replace('http', 'ws')}/tabseed/signal`);
    await once(socket, 'open');
    const closed = once(socket, 'close');
    child.kill('SIGTERM');
    expect((await closed)[0]).toBe(1001);
    expect(await exit).toBe(0);
  });

  it('says in one line what is wrong with a folder, and ends with 1', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'tabseed-serve-'));
    try {
      const { exit, errors } = tabseed('serve', empty, '--port', '0');
      expect(await errors).toMatch(/^tabseed: [^\n]*holds no release[^\n]*\n$/);
      expect(await exit).toBe(1);
    } finally {
      await rm(empty, { recursive: true });
    }
  });

  it.each([
    ['a port that is none', ['--port', '65536']],
    ['an ICE server that is none', ['--ice', 'http://example.test']],
    ['a TURN server without a password', ['--ice', 'turn:turn.example:3478']],
  ])('ends with 2 on %s', async (_name, options) => {
    const { exit, errors } = tabseed('serve', folder.root, ...options);
    expect(await errors).toMatch(/^tabseed: [^\n]+\n$/);
    expect(await exit).toBe(2);
  });
});

describe('tabseed signal', { timeout: START_TIMEOUT_MS }, () => {
  it('logs where it listens and ends with 0 on SIGTERM', async () => {
    const { child, exit, firstLine } = tabseed(
      'signal',
      '--port',
      '0',
      '--json',
      '--ice',
      'turn:u:p@turn.example:3478',
    );
    const { url } = JSON.parse(await firstLine()) as { url: string };
    const socket = new WebSocket(url);
    await once(socket, 'open');
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
  });
});
