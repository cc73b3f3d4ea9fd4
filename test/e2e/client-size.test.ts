import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { SCRIPTS } from '../stage/app.ts';

describe('the page scripts', () => {
  /** 10 KB for what every page loads, 45 KB more for the leader; the figures are budgets of the client. */
  const PAGE_BYTES = 10_240;
  const LEADER_BYTES = 46_080;

  it('stay within their budget', async () => {
    const sizes = new Map<string, number>();
    const everyPage = new Set<string>();
    const visit = async (name: string, onEveryPage: boolean): Promise<void> => {
      if (onEveryPage) everyPage.add(name);
      if (sizes.has(name)) return;
      const code = await readFile(join(SCRIPTS.page, name), 'utf8');
      sizes.set(name, gzipSync(code, { level: 9 }).length);
      for (const [, keyword, chunk = ''] of code.matchAll(/(from|import|import\()\s*["'`]\.\/([^"'`]+)["'`]/g)) {
        await visit(chunk, onEveryPage && keyword !== 'import(');
      }
    };
    await visit('client.js', true);
    console.log(Object.fromEntries(sizes));
    const sum = (chosen: (name: string) => boolean): number =>
      [...sizes].reduce((total, [name, bytes]) => total + (chosen(name) ? bytes : 0), 0);
    expect(sum((name) => everyPage.has(name))).toBeLessThanOrEqual(PAGE_BYTES);
    expect(sum((name) => !everyPage.has(name))).toBeLessThanOrEqual(LEADER_BYTES);
    expect(sizes.size).toBeGreaterThan(2);
  });
});
