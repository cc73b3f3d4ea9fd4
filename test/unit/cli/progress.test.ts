import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { showProgress } from '../../../src/cli/progress.ts';

/** Collects what would be drawn. */
function screen(isTTY: boolean): { stream: NodeJS.WriteStream; drawn: () => string } {
  const stream = Object.assign(new PassThrough(), {
    isTTY,
    columns: 100,
    cursorTo: write,
    clearLine: write,
    moveCursor: write,
  });
  return { stream: stream as unknown as NodeJS.WriteStream, drawn: () => String(stream.read() ?? '') };
}

function write(): boolean {
  return true;
}

function drawnOn({ stream, drawn }: ReturnType<typeof screen>): string {
  const progress = showProgress(stream);
  progress.update({ path: 'a.js', doneBytes: 500_000, totalBytes: 1_000_000 });
  progress.update({ path: 'b.js', doneBytes: 1_000_000, totalBytes: 1_000_000 });
  progress.stop();
  return drawn();
}

it('draws progress on a terminal', () => {
  expect(drawnOn(screen(true))).toContain('50% of 1.0 MB  a.js');
});

it('draws no progress where there is no terminal', () => {
  expect(drawnOn(screen(false))).toBe('');
});
