/** Thousands of runs take a second alone; CI machines share their cores with browsers. Milliseconds. */
export const PROPERTY_TIMEOUT_MS = 60_000;
