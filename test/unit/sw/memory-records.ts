import { silentLog } from '../../../src/platform/log.ts';
import { Records } from '../../../src/sw/records.ts';

/** Records in memory. With `isBroken` set, every call fails as in private browsing. */
export class MemoryRecords {
  readonly entries = new Map<string, unknown>();
  isBroken = false;

  /** As a worker that has just started sees them. */
  open(): Records {
    const fail = () => {
      if (this.isBroken) throw new Error('no database');
    };
    return new Records(
      {
        get: async (key) => {
          fail();
          return structuredClone(this.entries.get(key));
        },
        set: async (entries) => {
          fail();
          for (const [key, value] of Object.entries(entries)) this.entries.set(key, structuredClone(value));
        },
      },
      silentLog(),
    );
  }
}
