import { readFileSync } from 'node:fs';
import type { CDPSession } from 'playwright';

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

/** Resident bytes of a Chromium by kind of process; `session` is one of the browser itself. */
export async function chromiumMemory(
  session: CDPSession,
): Promise<{ browser: number; renderers: number; others: number }> {
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const memory = { browser: 0, renderers: 0, others: 0 };
  for (const { type, id } of processInfo) {
    const kind = type === 'browser' ? 'browser' : type === 'renderer' ? 'renderers' : 'others';
    memory[kind] += residentBytes(id);
  }
  return memory;
}
