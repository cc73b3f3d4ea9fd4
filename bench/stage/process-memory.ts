import { readFileSync } from 'node:fs';
import type { CDPSession } from 'playwright';

const BYTES_PER_KIB = 1024;

/** Resident bytes of a process, 0 when it is gone. Linux only. */
export function residentBytes(pid: number): number {
  try {
    const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib ?? 0) * BYTES_PER_KIB;
  } catch {
    return 0; // It ended between the listing and the look.
  }
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
