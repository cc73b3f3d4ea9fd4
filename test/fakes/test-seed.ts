import { onTestFailed } from 'vitest';

/** The seed of a test's chance: a new one in each run, or TABSEED_SEED. Printed if the test that asked for it fails. */
export function testSeed(): number {
  const given = process.env.TABSEED_SEED;
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given);
  onTestFailed(() => {
    console.log(`failed with TABSEED_SEED=${seed}`);
  });
  return seed;
}
