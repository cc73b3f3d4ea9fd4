import { defineConfig } from 'vitest/config';

const E2E_TEST_TIMEOUT_MS = 120_000;
/** Some unit tests have real sockets, disks and processes, and others keep both cores of a small machine busy meanwhile. */
const UNIT_TEST_TIMEOUT_MS = 30_000;

export default defineConfig({
  test: {
    reporters: ['default', './test/reporters/closing-line.ts'],
    passWithNoTests: true,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/{unit,contract,sim,repo}/**/*.test.ts'],
          testTimeout: UNIT_TEST_TIMEOUT_MS,
          hookTimeout: UNIT_TEST_TIMEOUT_MS,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/setup/e2e.ts'],
          testTimeout: E2E_TEST_TIMEOUT_MS,
          hookTimeout: E2E_TEST_TIMEOUT_MS,
          // One file at a time: browsers fill both cores of a small CI machine.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
