import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { registerKeygen } from '../../../src/cli/keygen.ts';
import { publicKeyOf } from '../../../src/publisher/index.ts';
import { MAIN, run, runHere } from './command-line.ts';

/** Each command line starts Node and compiles: slow on a busy machine. */
const TIMEOUT_MS = 60_000;

it(
  'keygen writes a key for its owner alone, prints the public half, and never overwrites',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tabseed-keygen-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'key.pem');

    const made = await runHere(registerKeygen, ['keygen', '--out', file]);
    expect(made).toMatchObject({ exitCode: 0, stderr: '' });
    const pem = await readFile(file, 'utf8');
    expect(made.stdout).toContain(publicKeyOf(pem));
    expect(publicKeyOf(pem)).toMatch(/^[0-9a-f]{64}$/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);

    const again = await runHere(registerKeygen, ['keygen', '--out', file, '--json']);
    expect(again.exitCode).toBe(1);
    expect(again.stderr).toBe(`tabseed: ${file} exists and is not overwritten: choose another name\n`);
    expect(JSON.parse(again.stdout)).toMatchObject({ error: { code: 'key-exists' } });
    expect(await readFile(file, 'utf8')).toBe(pem);
  },
  TIMEOUT_MS,
);

it(
  'the command lists its subcommands, and answers wrong use with 2 and one line',
  async () => {
    const help = await run(MAIN, ['--help']);
    expect(help).toMatchObject({ exitCode: 0, stderr: '' });
    for (const name of ['keygen', 'publish', 'serve', 'signal']) expect(help.stdout).toContain(`  ${name} `);
    const wrong = await run(MAIN, ['keygen', '--nonsense']);
    expect(wrong).toMatchObject({ exitCode: 2, stdout: '' });
    expect(wrong.stderr.trim().split('\n')).toHaveLength(1);
  },
  TIMEOUT_MS,
);
