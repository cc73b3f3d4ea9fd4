import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { registerPublish } from '../../../src/cli/publish.ts';
import { decodeSettings } from '../../../src/protocol/settings.ts';
import type { PublishReport } from '../../../src/publisher/index.ts';
import { publicKeyOf } from '../../../src/publisher/index.ts';
import { StaticHost } from '../../stage/static-host.ts';
import { readRelease } from '../publisher/release-reader.ts';
import { snapshot, Workspace } from '../publisher/workspace.ts';
import { type Finished, runHere } from './command-line.ts';

const PAGE = '<head></head>';

async function publish(
  workspace: Workspace,
  flags: readonly string[],
  environment: Record<string, string> = {},
): Promise<Finished> {
  const folders = [workspace.source, ...(flags.includes('--out') ? [] : ['--out', workspace.out])];
  return await runHere((program) => registerPublish(program, workspace.scripts), ['publish', ...folders, ...flags], {
    XDG_CONFIG_HOME: join(workspace.root, 'config'),
    ...environment,
  });
}

describe('tabseed publish', () => {
  it('says what it published, then that nothing changed, and draws no progress where there is no terminal', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE, 'api/x.json': '' });
    const flags = ['--version', '1.0 beta', '--exclude', 'api', '--exclude', '*.map'];
    flags.push('--mode', 'group', '--group', 'class 7b', '--consent', 'ask', '--upload-limit', '125000');
    flags.push('--origin-delay', '15', '--min-peer-rate', '250KB', '--min-file-size', '100KB');
    const first = await publish(workspace, [...flags, '--json'], { TABSEED_KEY: workspace.key.pem });
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    const report = JSON.parse(first.stdout) as PublishReport;
    expect(report).toMatchObject({
      outcome: 'published',
      version: '1.0 beta',
      publicKey: workspace.key.publicKey,
      files: 1,
      warnings: [],
    });
    const { manifest } = await readRelease(workspace.out, workspace.key.publicKey);
    expect(decodeSettings(manifest.settings)).toMatchObject({
      ...{ uploadBytesPerSecond: 125_000, originDelayMs: 15_000 },
      ...{ minPeerBytesPerSecond: 250_000, minFileBytes: 100_000 },
    });
    const again = await publish(workspace, flags, { TABSEED_KEY: workspace.key.pem });
    expect(again).toMatchObject({ exitCode: 0, stderr: '' });
    expect(again.stdout).toBe(`nothing changed since release ${report.sequence}: ${workspace.out} is as it was\n`);
  });

  it('takes the key from --key, else from the file that TABSEED_KEY names', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    const file = join(workspace.root, 'key.pem');
    await writeFile(file, workspace.key.pem);
    expect(await publish(workspace, ['--key', file])).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await publish(workspace, [], { TABSEED_KEY: file })).stdout).toContain('nothing changed');
    const missing = await publish(workspace, ['--key', `${file}x`]);
    expect(missing.exitCode).toBe(1);
    expect(missing.stderr).toContain('make one with tabseed keygen');
  });

  it('takes a key that came on one line, and none that is empty', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    const oneLine = workspace.key.pem.replaceAll('\n', '\\n');
    expect((await publish(workspace, [], { TABSEED_KEY: oneLine })).stdout).toContain(workspace.key.publicKey);
    for (const nothing of ['', ' \n']) {
      const refused = await publish(workspace, [], { TABSEED_KEY: nothing });
      expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
      expect(refused.stderr).toBe('tabseed: TABSEED_KEY is empty: may this job read the secret? Else unset it\n');
    }
  });

  it('follows what --previous names, and says what to do when it is not there', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    const key = { TABSEED_KEY: workspace.key.pem };
    await publish(workspace, ['--sequence', '12'], key);
    const host = await StaticHost.open();
    await host.upload(workspace.out);
    const flags = ['--out', join(workspace.root, 'next'), '--previous', host.url];
    const again = await publish(workspace, flags, key);
    expect(again.stdout).toBe(`nothing changed since release 12: ${join(workspace.root, 'next')} holds it again\n`);
    await workspace.write({ 'a.js': 'new' });
    await rm(join(workspace.root, 'next'), { recursive: true });
    const next = await publish(workspace, flags, key);
    expect(next).toMatchObject({ exitCode: 0, stderr: '' });
    expect(next.stdout).toMatch(/^release \d+ of app \w+, follows 12\n/);
    expect(next.stdout).toContain('needed on the host: 1 packs\n');
    await host.close();
    const away = await publish(workspace, ['--out', join(workspace.root, 'other'), '--previous', host.url], key);
    expect(away).toMatchObject({ exitCode: 1, stdout: '' });
    expect(away.stderr).toMatch(/^tabseed: [^\n]+ECONNREFUSED\): is it right\? A first publish needs no --previous\n$/);
  });

  it('makes a development key once, and warns that it is for this machine', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    const first = await publish(workspace, []);
    const file = join(workspace.root, 'config/tabseed/development-key.pem');
    expect(first.exitCode).toBe(0);
    expect(first.stderr).toContain(`warning: signed with the development key ${file}`);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(first.stdout).toContain(publicKeyOf(await readFile(file, 'utf8')));
    expect(await workspace.text('tabseed-sw.js')).toContain('"development":true');
    expect((await publish(workspace, [])).stdout).toContain('nothing changed');
  });

  it('gives the same bytes for the same sequence and SOURCE_DATE_EPOCH', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    const environment = { TABSEED_KEY: workspace.key.pem, SOURCE_DATE_EPOCH: '1790000000' };
    const other = join(workspace.root, 'other');
    await publish(workspace, ['--sequence', '12'], environment);
    await publish(workspace, ['--sequence', '12', '--out', other], environment);
    expect(Object.keys(await snapshot(other)).length).toBeGreaterThan(5);
    expect(await snapshot(other)).toEqual(await snapshot(workspace.out));
  });

  it('answers wrong use with 2, a failure with 1, each in one line', async () => {
    const workspace = await Workspace.create({ 'index.html': PAGE });
    const key = { TABSEED_KEY: workspace.key.pem };
    expect((await publish(workspace, ['--previous', 's3://bucket'], key)).exitCode).toBe(2);
    const runs: [number, readonly string[], Record<string, string>][] = [
      [2, ['--mode', 'everybody'], key],
      [2, ['--mode', 'group'], key],
      [2, ['--upload-limit', '100'], key],
      [2, ['--upload-limit', '1e6'], key],
      [2, ['--origin-delay', '-1'], key],
      [2, ['--origin-delay', '16'], key],
      [2, ['--min-file-size', 'small'], key],
      [2, ['--sequence', '0'], key],
      [2, ['--signal', 'ftp://x.test'], key],
      [2, ['--what'], key],
      [2, [], { ...key, SOURCE_DATE_EPOCH: 'today' }],
      [1, ['--out', workspace.source], key],
      [1, [], { TABSEED_KEY: '-----BEGIN nonsense' }],
    ];
    for (const [exitCode, flags, environment] of runs) {
      const finished = await publish(workspace, flags, environment);
      expect(finished, JSON.stringify(flags)).toMatchObject({ exitCode, stdout: '' });
      expect(finished.stderr).toMatch(/^tabseed: [^\n]+\n$/);
    }
    const failed = await publish(workspace, ['--out', workspace.source, '--json'], key);
    expect(JSON.parse(failed.stdout)).toMatchObject({ error: { code: 'folders-nested' } });
  });
});
