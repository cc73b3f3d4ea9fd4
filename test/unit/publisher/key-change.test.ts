import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { POINTER_PATH, WORKER_SCRIPT } from '../../../src/protocol/layout.ts';
import { decodePointer, isRetirement } from '../../../src/protocol/pointer.ts';
import { decodeWorkerConfig, WORKER_CONFIG_PREFIX } from '../../../src/protocol/worker-config.ts';
import { generateKey, refresh, retire, rollback, verify } from '../../../src/publisher/index.ts';
import { isSignedBy } from '../../../src/publisher/signing-key.ts';
import { Workspace } from './workspace.ts';

const DAY = 24 * 60 * 60;

const oldKey = generateKey();
const newKey = generateKey();
/** The new one first, as two files that were put one behind the other. */
const both = newKey.pem + oldKey.pem;

const signedIn = async (out: string) => decodePointer(await readFile(join(out, POINTER_PATH)));

/** Which keys browsers trust, and which of the two have signed. */
async function keysOf(out: string): Promise<{ trusted: readonly string[]; signed: readonly string[] }> {
  const [line = ''] = (await readFile(join(out, WORKER_SCRIPT), 'utf8')).split('\n', 1);
  const config = decodeWorkerConfig(JSON.parse(line.slice(line.indexOf('=') + 1).replace(/;$/, '')));
  expect(line.startsWith(WORKER_CONFIG_PREFIX) || isRetirement((await signedIn(out)).pointer)).toBe(true);
  const signed = await signedIn(out);
  const signers = [newKey.publicKey, oldKey.publicKey].filter((publicKey) => isSignedBy(signed, publicKey));
  return { trusted: config.keys, signed: signers };
}

const ofBoth = { trusted: [newKey.publicKey, oldKey.publicKey], signed: [newKey.publicKey, oldKey.publicKey] };

async function published(created?: number): Promise<Workspace> {
  const workspace = await Workspace.create({ 'index.html': '<head></head>one' });
  await workspace.publish({ key: oldKey.pem, ...(created === undefined ? {} : { created }) });
  return workspace;
}

describe('a key that is changed for another', () => {
  it('signs beside the other for a time, and is then left out: the app stays what it is', async () => {
    const workspace = await published();
    const { app, sequence } = (await signedIn(workspace.out)).pointer;
    const report = await workspace.publish({ key: both });
    // Nothing else has changed: browsers are to get the other key.
    expect(report).toMatchObject({
      outcome: 'published',
      app,
      previousSequence: sequence,
      publicKey: newKey.publicKey,
    });
    expect(report.publicKeys).toEqual([newKey.publicKey, oldKey.publicKey]);
    expect(await keysOf(workspace.out)).toEqual(ofBoth);
    expect(await verify({ out: workspace.out })).toMatchObject({ damage: [] });
    expect(await workspace.publish({ key: both })).toMatchObject({ outcome: 'unchanged' });
    expect(await workspace.publish({ key: newKey.pem })).toMatchObject({ outcome: 'published', app });
    expect(await keysOf(workspace.out)).toEqual({ trusted: [newKey.publicKey], signed: [newKey.publicKey] });
    await expect(workspace.publish({ key: oldKey.pem })).rejects.toMatchObject({ code: 'out-other-key' });
  });

  it('cannot be left out before the other has signed', async () => {
    const workspace = await published();
    await expect(workspace.publish({ key: newKey.pem })).rejects.toMatchObject({ code: 'out-other-key' });
    const elsewhere = join(workspace.root, 'elsewhere');
    const next = { previous: workspace.out, out: elsewhere };
    await expect(workspace.publish({ ...next, key: newKey.pem })).rejects.toMatchObject({ code: 'previous-other-key' });
    // From an empty folder, too, the unchanged release is signed by both.
    expect(await workspace.publish({ ...next, key: both })).toMatchObject({ outcome: 'published' });
    expect(await keysOf(elsewhere)).toEqual(ofBoth);
  });

  it('signs what is refreshed, rolled back or retired meanwhile, too', async () => {
    const workspace = await published(Math.floor(Date.now() / 1000) - 60 * DAY);
    const { sequence } = (await signedIn(workspace.out)).pointer;
    await refresh({ out: workspace.out, key: both });
    expect((await keysOf(workspace.out)).signed).toEqual(ofBoth.signed);
    await workspace.write({ 'index.html': '<head></head>two' });
    await workspace.publish({ key: both });
    await rollback({ out: workspace.out, to: sequence, key: both, scripts: workspace.scripts });
    expect(await keysOf(workspace.out)).toEqual(ofBoth);
    expect(await workspace.text('index.html')).toContain('one');
    expect(await retire({ out: workspace.out, key: both })).toMatchObject({ outcome: 'retired', signed: true });
    expect(await keysOf(workspace.out)).toEqual(ofBoth);
  });

  it('is one of four at most, each counted once', async () => {
    const workspace = await published();
    const { pem } = oldKey;
    expect((await workspace.publish({ key: pem + pem })).publicKeys).toEqual([oldKey.publicKey]);
    const four = Array.from({ length: 4 }, () => generateKey().pem).join('\n');
    await expect(workspace.publish({ key: four + pem })).rejects.toMatchObject({ code: 'key-invalid' });
  });
});
