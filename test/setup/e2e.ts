import { chromiumPath } from './browser.ts';

/** Runs once before the browser tests, so that a missing browser is one line and not a failure in every file. */
export default function setup(): void {
  process.env.TABSEED_CHROMIUM = chromiumPath();
}
