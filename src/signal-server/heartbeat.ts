import type { Connection } from './connection.ts';

/** Proxies and NATs forget an idle connection after 60 s at the earliest in common configurations. */
const HEARTBEAT_SECONDS = 30;

/**
 * Pings every connection once in 30 s, a thirtieth of them each second: all at once would hold 15,000 peers' messages
 * up for a third of a second.
 */
export class Heartbeat {
  readonly #slots: readonly Set<Connection>[] = Array.from({ length: HEARTBEAT_SECONDS }, () => new Set());
  readonly #slotOf = new WeakMap<Connection, Set<Connection>>();
  #next = 0;
  #now = 0;

  add(connection: Connection): void {
    const slot = this.#slots[this.#next];
    this.#next = (this.#next + 1) % HEARTBEAT_SECONDS;
    if (slot === undefined) return;
    slot.add(connection);
    this.#slotOf.set(connection, slot);
  }

  remove(connection: Connection): void {
    this.#slotOf.get(connection)?.delete(connection);
  }

  /** To be called once a second. @returns the connections that left the last ping unanswered. */
  tick(): Connection[] {
    const silent: Connection[] = [];
    for (const connection of this.#slots[this.#now] ?? []) {
      if (connection.answered) connection.ping();
      else silent.push(connection);
    }
    this.#now = (this.#now + 1) % HEARTBEAT_SECONDS;
    return silent;
  }
}
