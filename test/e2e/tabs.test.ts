import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bulkApp, type PublishedApp } from '../stage/app.ts';
import { Stage } from '../stage/stage.ts';
import { oneLeader, openTab } from './client-site.ts';

const MIB = 1024 * 1024;

let app: PublishedApp;
let stage: Stage;

beforeAll(async () => {
  app = await bulkApp({ 'bulk.bin': 48 * MIB });
});

beforeEach(async () => {
  stage = await Stage.open(app.out);
});

afterEach(async () => {
  await stage.close();
});

afterAll(async () => {
  await app.remove();
});

describe('three tabs of one browser', () => {
  it('have one leader and one signaling connection; a download survives the leader', async () => {
    const seeder = await openTab(await (await stage.browser()).newContext(), stage.url);
    await seeder.evaluate(() => tabseed.prefetch(['bulk.bin']));
    stage.refuse = (path) => path.includes('/pack-') || path.endsWith('/bulk.bin');

    const context = await (await stage.browser()).newContext();
    const pages = [
      await openTab(context, stage.url),
      await openTab(context, stage.url),
      await openTab(context, stage.url),
    ];
    await pages[0]?.waitForFunction(() => tabseed.stats().peers > 0);
    const leader = await oneLeader(pages);
    expect(stage.server.signal?.stats().peers).toBe(2);
    const others = pages.filter((page) => page !== leader);
    const [reader] = others;
    if (reader === undefined) throw new Error('three tabs were opened');

    const download = reader.evaluate(async () => {
      const response = await fetch('bulk.bin');
      const reading = response.body?.getReader();
      if (reading === undefined) throw new Error('no body');
      const parts: Uint8Array[] = [];
      for (let part = await reading.read(); !part.done; part = await reading.read()) {
        parts.push(part.value);
        document.title = String(parts.reduce((sum, bytes) => sum + bytes.length, 0));
      }
      const digest = await crypto.subtle.digest('SHA-256', await new Blob(parts as BlobPart[]).arrayBuffer());
      return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
    });
    await reader.waitForFunction((bytes) => Number(document.title) > bytes, 8 * MIB);
    expect(Number(await reader.title())).toBeLessThan(40 * MIB);
    await leader.close();
    expect(await download).toBe(app.hashes.get('bulk.bin'));
    await oneLeader(others);
  });
});
