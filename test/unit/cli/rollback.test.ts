import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { registerRefresh } from '../../../src/cli/refresh.ts';
import { registerRollback } from '../../../src/cli/rollback.ts';
import type { PublishReport } from '../../../src/publisher/index.ts';
import { Workspace } from '../publisher/workspace.ts';
import { runHere } from './command-line.ts';

async function twoReleases(): Promise<{ readonly workspace: Workspace; readonly key: string }> {
  const workspace = await Workspace.create({ 'index.html': '<head></head>', 'a.js': 'good' });
  const created = Math.floor(Date.now() / 1000) - 1000;
  await workspace.publish({ sequence: 10, created });
  await workspace.write({ 'a.js': 'bad' });
  await workspace.publish({ sequence: 11, created });
  const key = join(workspace.root, 'key.pem');
  await writeFile(key, workspace.key.pem);
  return { workspace, key };
}

it('tabseed rollback says what it published, and exits with 1 or 2 when it cannot', async () => {
  const { workspace, key } = await twoReleases();
  const { out, scripts } = workspace;
  const run = (...flags: string[]) =>
    runHere((program) => registerRollback(program, scripts), ['rollback', ...flags, '--key', key]);
  const unknown = await run(out, '--to', '9', '--json');
  expect(unknown.exitCode).toBe(1);
  expect(JSON.parse(unknown.stdout)).toMatchObject({ error: { code: 'rollback-unknown' } });
  expect(await run(out)).toMatchObject({ exitCode: 2 });
  expect(await run(out, '--to', 'nonsense')).toMatchObject({ exitCode: 2 });
  expect(await run(out, '--to', '11')).toMatchObject({ exitCode: 2 });
  const done = await run(out, '--to', '10', '--withdraw');
  expect(done).toMatchObject({ exitCode: 0, stderr: '' });
  expect(done.stdout).toMatch(/^release \d+ of app \w+, follows 11\n/);
  expect(await workspace.text('a.js')).toBe('good');
  const again = JSON.parse((await run(out, '--to', '11', '--json')).stdout) as PublishReport;
  expect(again).toMatchObject({ outcome: 'published', newPacks: 0 });
  expect(await workspace.text('a.js')).toBe('bad');
});

it('tabseed refresh says until when the release is valid, and what to upload', async () => {
  const { workspace, key } = await twoReleases();
  const run = (...flags: string[]) => runHere(registerRefresh, ['refresh', ...flags, '--key', key]);
  const done = await run(workspace.out);
  expect(done).toMatchObject({ exitCode: 0, stderr: '' });
  expect(done.stdout).toMatch(/^release 11 is valid until 20\d\d-\d\d-\d\d\nupload tabseed\/pointer\.bin\n$/);
  expect(JSON.parse((await run(workspace.out, '--json')).stdout)).toMatchObject({ sequence: 11 });
  expect(await run(workspace.source)).toMatchObject({ exitCode: 1, stdout: '' });
  expect(await run()).toMatchObject({ exitCode: 2 });
});
