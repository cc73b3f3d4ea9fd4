import { readFileSync } from 'node:fs';
import type { BareBrowser } from './bare-browser.ts';

const BYTES_PER_KIB = 1024;
/** USER_HZ, the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Resident bytes of a process, 0 when it is gone. Linux only. */
export function residentBytes(pid: number): number {
  try {
    const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib ?? 0) * BYTES_PER_KIB;
  } catch {
    return 0; // It ended between the listing and the look.
  }
}

/** CPU seconds that a process has used, user and system. Linux only. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name that may have blanks; the 14th and 15th are in ticks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

interface ChromiumProcess {
  readonly type: string;
  readonly id: number;
}

export interface ChromiumMemory {
  readonly browser: number;
  /** Process id → resident bytes. */
  readonly renderers: ReadonlyMap<number, number>;
  readonly others: number;
}

/** Resident bytes of a Chromium by kind of process. */
export async function chromiumMemory(chromium: BareBrowser): Promise<ChromiumMemory> {
  const processInfo = (await chromium.send('SystemInfo.getProcessInfo')).processInfo as ChromiumProcess[];
  const bytesOf = (matches: (type: string) => boolean): number =>
    processInfo.reduce((sum, { type, id }) => sum + (matches(type) ? residentBytes(id) : 0), 0);
  return {
    browser: bytesOf((type) => type === 'browser'),
    renderers: new Map(processInfo.flatMap(({ type, id }) => (type === 'renderer' ? [[id, residentBytes(id)]] : []))),
    others: bytesOf((type) => type !== 'browser' && type !== 'renderer'),
  };
}
