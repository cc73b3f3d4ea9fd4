import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { registerRetire } from '../../../src/cli/retire.ts';
import { Workspace } from '../publisher/workspace.ts';
import { runHere } from './command-line.ts';

it('tabseed retire says what to upload, signs with --key, and fails in one line', async () => {
  const workspace = await Workspace.create({ 'index.html': '<head></head>' });
  const run = (...flags: string[]) => runHere(registerRetire, ['retire', ...flags]);
  const missing = await run(workspace.out);
  expect(missing).toMatchObject({ exitCode: 1, stdout: '' });
  expect(missing.stderr).toMatch(/^tabseed: .*tabseed-sw\.js.*\n$/);
  await workspace.publish();
  const plain = await run(workspace.out);
  expect(plain).toMatchObject({ exitCode: 0, stderr: '' });
  expect(plain.stdout).toContain('upload, in this order: tabseed/client.js, tabseed-sw.js\n');
  const key = join(workspace.root, 'key.pem');
  await writeFile(key, workspace.key.pem);
  const signed = await run(workspace.out, '--key', key, '--json');
  expect(JSON.parse(signed.stdout)).toMatchObject({ outcome: 'retired', signed: true });
  expect(await run(workspace.out)).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('already') as string });
  expect(await run(workspace.out, '--key', `${key}.not`, '--json')).toMatchObject({ exitCode: 1 });
  expect(await run()).toMatchObject({ exitCode: 2 });
});
