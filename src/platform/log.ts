import type { Log } from '../core/ports.ts';

export function silentLog(): Log {
  return { debug: () => undefined };
}

/** Shown at the console's verbose level only. */
export function consoleLog(): Log {
  return {
    debug: (event, details) => {
      // biome-ignore lint/suspicious/noConsole: the one place that writes to it
      console.debug(`[tabseed] ${event}`, details ?? '');
    },
  };
}
