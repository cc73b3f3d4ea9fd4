import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/** The machine is looked at for so long. */
const LOOK_MS = 500;
const IDLE_SHARE = 0.8;
/** Something else keeps it busy, and will go on. */
const LONGEST_MS = 30_000;

/**
 * Resolves when all that was started has come to rest: four fifths of the CPU were idle for half a second, or half a
 * minute is over.
 */
export async function idleMachine(): Promise<void> {
  const endMs = performance.now() + LONGEST_MS;
  for (let before = cpuTimes(); ; ) {
    await delay(LOOK_MS);
    const now = cpuTimes();
    if (now.idle - before.idle >= IDLE_SHARE * (now.all - before.all)) return;
    if (performance.now() > endMs) {
      process.stderr.write('The machine does not come to rest: something else is running on it.\n');
      return;
    }
    before = now;
  }
}

/** Of all CPUs together, in ms. */
function cpuTimes(): { idle: number; all: number } {
  const times = cpus().map((cpu) => cpu.times);
  const idle = times.reduce((sum, time) => sum + time.idle, 0);
  return { idle, all: times.reduce((sum, time) => sum + time.user + time.nice + time.sys + time.irq, idle) };
}
