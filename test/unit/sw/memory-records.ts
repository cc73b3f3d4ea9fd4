import { Records } from '../../../src/sw/records.ts';

/** Records in memory. With `isBroken` set, every call fails as in private browsing. */
export class MemoryRecords {
  readonly entries = new Map<string, unknown>();
  isBroken = false;
  /** Writes after so many are lost, as when the power goes. */
  writesLeft = Number.POSITIVE_INFINITY;

  /** As a worker that has just started sees them. */
  open(): Records {
    const attempt = <T>(call: () => T): Promise<T> =>
      this.isBroken ? Promise.reject(new Error('no database')) : Promise.resolve(call());
    return new Records({
      get: (key) => attempt((): unknown => structuredClone(this.entries.get(key))),
      set: (entries) =>
        attempt(() => {
          this.writesLeft -= 1;
          if (this.writesLeft < 0) return;
          for (const [key, value] of Object.entries(entries)) this.entries.set(key, structuredClone(value));
        }),
    });
  }
}
