import { Records } from '../../../src/sw/records.ts';

/** Records in memory. With `isBroken` set, every call fails as in private browsing. */
export class MemoryRecords {
  readonly entries = new Map<string, unknown>();
  isBroken = false;

  /** As a worker that has just started sees them. */
  open(): Records {
    const attempt = <T>(call: () => T): Promise<T> =>
      this.isBroken ? Promise.reject(new Error('no database')) : Promise.resolve(call());
    return new Records({
      get: (key) => attempt((): unknown => structuredClone(this.entries.get(key))),
      set: (entries) =>
        attempt(() => {
          for (const [key, value] of Object.entries(entries)) this.entries.set(key, structuredClone(value));
        }),
    });
  }
}
