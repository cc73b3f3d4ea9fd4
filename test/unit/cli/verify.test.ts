import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { registerVerify } from '../../../src/cli/verify.ts';
import type { VerifyReport } from '../../../src/publisher/index.ts';
import { Workspace } from '../publisher/workspace.ts';
import { runHere } from './command-line.ts';

it('tabseed verify exits with 0, 1 or 2, and says in one line each what is wrong', async () => {
  const workspace = await Workspace.create({ 'index.html': '<head></head>', 'a.txt': 'a', 'b.txt': 'b' });
  const run = (...flags: string[]) => runHere(registerVerify, ['verify', ...flags]);
  await workspace.publish();
  const good = await run(workspace.out, '--public-key', workspace.key.publicKey);
  expect(good).toMatchObject({ exitCode: 0, stderr: '' });
  expect(good.stdout).toMatch(/^release \d+ of app \w+ is whole: 3 files, 3 chunks in 1 packs, valid until 20/);
  expect(JSON.parse((await run(workspace.out, '--json')).stdout)).toMatchObject({ damage: [], files: 3 });
  await writeFile(join(workspace.out, 'a.txt'), 'x');
  await writeFile(join(workspace.out, 'b.txt'), 'x');
  const bad = await run(workspace.out);
  expect(bad).toMatchObject({ exitCode: 1, stdout: '' });
  expect(bad.stderr.trimEnd().split('\n')).toEqual([
    expect.stringMatching(/^tabseed: a\.txt: not the file of the release: /),
    expect.stringMatching(/^tabseed: b\.txt: /),
    expect.stringMatching(/^tabseed: 2 things are wrong with /),
  ]);
  const { error, report } = JSON.parse((await run(workspace.out, '--json')).stdout) as {
    error: { code: string };
    report: VerifyReport;
  };
  expect(error.code).toBe('verify-failed');
  expect(report.damage.map(({ code }) => code)).toEqual(['file-differs', 'file-differs']);
  expect(await run(workspace.out, '--public-key', 'nonsense')).toMatchObject({ exitCode: 2 });
  expect(await run(workspace.source)).toMatchObject({ exitCode: 1 });
});
