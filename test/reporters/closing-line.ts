import type { SerializedError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** A file that could not be loaded or an error outside every test counts as one failure: zero would hide it. */
export function tally(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): Tally {
  const total: Tally = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
  for (const module of modules) {
    total.failed += module.errors().length;
    for (const suite of module.children.allSuites()) total.failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state !== 'pending') total[state] += 1;
    }
  }
  return total;
}

export function closingLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** Prints `N passed, N failed` as the very last line, for people and scripts that read only the end. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const total = tally(modules, unhandledErrors);
    // At exit, since Vitest still prints its summary and global teardown may speak after this event.
    process.once('exit', (code) => {
      // What broke outside every file, such as the global setup, shows in the exit code alone.
      if (code !== 0 && total.failed === 0) total.failed = 1;
      process.stdout.write(`${closingLine(total)}\n`);
    });
  }
}
