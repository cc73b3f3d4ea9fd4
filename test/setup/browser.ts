import { type Browser, chromium, type LaunchOptions } from 'playwright';
import { ensureProgram } from './programs.ts';

/** No GPU, no QUIC and none of Chromium's own traffic: what is measured and blocked is ours alone. */
export const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Path of the Chromium that tests drive; installs one where it may. */
export function chromiumPath(): string {
  return ensureProgram({
    variable: 'TABSEED_CHROMIUM',
    names: ['chromium', 'chromium-browser', 'google-chrome'],
    debianPackage: 'chromium',
    elsewhere: () => chromium.executablePath(),
  });
}

export function launchChromium({ args = [], ...options }: LaunchOptions = {}): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath(), args: [...CHROMIUM_FLAGS, ...args], ...options });
}
