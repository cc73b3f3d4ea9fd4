import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createProgram, runProgram } from '../../../src/cli/exit.ts';
import { registerSeed } from '../../../src/cli/seed.ts';

/** Runs `tabseed seed`; gives its exit code and what it printed. */
async function run(...commandLine: string[]): Promise<{ code: number; out: string; err: string }> {
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const program = createProgram();
  registerSeed(program);
  const code = await runProgram(program, ['seed', ...commandLine]);
  const printed = (spy: { mock: { calls: unknown[][] } }): string => spy.mock.calls.map(([text]) => text).join('');
  return { code, out: printed(out), err: printed(err) };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('tabseed seed', () => {
  it.each([
    ['no URL', []],
    ['a URL that is none', ['nonsense']],
    ['a URL of another scheme', ['ftp://app.example/']],
    ['an upload limit that is too low', ['http://127.0.0.1:9/', '--upload-limit', '8191']],
    ['a key that is none', ['http://127.0.0.1:9/', '--public-key', 'abc']],
  ])('takes %s for wrong use: exit code 2 and one line', async (_name, commandLine) => {
    const { code, err } = await run(...commandLine);
    expect(code).toBe(2);
    expect(err).toMatch(/^tabseed: .+\n$/);
  });

  it('fails with exit code 1 and one line when nobody answers, as JSON where asked', async () => {
    const store = await mkdtemp(join(tmpdir(), 'tabseed-seed-'));
    const { code, out, err } = await run('http://127.0.0.1:9/', '--store', store, '--json');
    await rm(store, { recursive: true });
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'origin-unreachable' } });
    expect(err).toMatch(/^tabseed: .+\n$/);
  });
});
