import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseByteCount } from '../../../src/cli/byte-count.ts';
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
    ['an upload limit that is too low', ['http://127.0.0.1:9/', '--upload-limit', '32767']],
    ['a key that is none', ['http://127.0.0.1:9/', '--public-key', 'abc']],
    ['a size that is none', ['http://127.0.0.1:9/', '--disk-limit', 'much']],
    ['a library that is none', ['http://127.0.0.1:9/', '--rtc', 'other']],
  ])('takes %s for wrong use: exit code 2 and one line', async (_name, commandLine) => {
    const { code, err } = await run(...commandLine);
    expect(code).toBe(2);
    expect(err).toMatch(/^tabseed: .+\n$/);
  });

  it('reads sizes with decimal units', () => {
    expect(['0', '512', '10GB', '1.5 MB', '3kb', '7B'].map(parseByteCount)).toEqual([
      0, 512, 10_000_000_000, 1_500_000, 3000, 7,
    ]);
  });
});
