import type { ClientSignalMessage } from '../protocol/signal-message.ts';
import type { Connection } from './connection.ts';
import { type Grant, LeaseBook } from './lease-book.ts';
import { type Delivery, Room, type RoomOptions } from './room.ts';

/** All rooms of one server. A room exists while somebody is in it. */
export class RoomDirectory {
  readonly #options: RoomOptions;
  readonly #rooms = new Map<string, Room>();
  /** By room, then by the part of it whose peers can meet each other: each part fetches its own copy. */
  readonly #leases = new Map<Room, Map<string, LeaseBook>>();

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#rooms.size;
  }

  /** @returns false when the room is full. */
  join(connection: Connection, { room: roomName, reach, seed }: ClientSignalMessage & { type: 'join' }): boolean {
    const room = this.#rooms.get(roomName) ?? new Room(this.#options);
    if (!room.join(connection.peer, connection.site, reach, connection.prefix, seed)) return false;
    this.#rooms.set(roomName, room);
    connection.roomName = roomName;
    connection.part = reach === 'site' ? connection.site : '';
    return true;
  }

  handle(
    connection: Connection,
    message: Exclude<ClientSignalMessage, { type: 'join' | 'heartbeat' }>,
    nowMs: number,
  ): Delivery[] {
    const room = this.#roomOf(connection);
    if (room === undefined) return [];
    switch (message.type) {
      case 'match':
        return room.match(connection.peer, message.count, message.partners);
      case 'signal':
        return room.signal(connection.peer, message.to, message.signal);
      case 'want':
        return toDeliveries(
          room,
          this.#leasesOf(room, connection.part).want(
            connection.peer,
            message.packs,
            message.leases,
            nowMs,
            connection.site,
          ),
        );
      case 'unmatch':
        return room.unmatch(connection.peer, message.peer);
      default:
        return message satisfies never;
    }
  }

  /** To be called every second: leases run out. */
  tick(nowMs: number): Delivery[] {
    return [...this.#leases].flatMap(([room, parts]) =>
      [...parts.values()].flatMap((leases) => toDeliveries(room, leases.tick(nowMs))),
    );
  }

  leave(connection: Connection, nowMs: number): Delivery[] {
    const room = this.#roomOf(connection);
    if (room === undefined || connection.roomName === undefined) return [];
    const grants = this.#leases.get(room)?.get(connection.part)?.leave(connection.peer, nowMs, connection.site) ?? [];
    const deliveries = [...room.leave(connection.peer), ...toDeliveries(room, grants)];
    if (room.size === 0) {
      this.#rooms.delete(connection.roomName);
      this.#leases.delete(room);
    }
    connection.roomName = undefined;
    return deliveries;
  }

  #roomOf(connection: Connection): Room | undefined {
    return connection.roomName === undefined ? undefined : this.#rooms.get(connection.roomName);
  }

  /** Made when somebody first wants something: most rooms of a small site have nobody who does. */
  #leasesOf(room: Room, part: string): LeaseBook {
    const parts = this.#leases.get(room) ?? new Map<string, LeaseBook>();
    const leases = parts.get(part) ?? new LeaseBook();
    this.#leases.set(room, parts.set(part, leases));
    return leases;
  }
}

function toDeliveries(room: Room, grants: readonly Grant[]): Delivery[] {
  return grants.flatMap(({ to, leases, meets }): Delivery[] => [
    ...(leases.length > 0 ? [{ to, message: { type: 'leases', leases } } as const] : []),
    ...meets.flatMap((other) => room.introduce(to, other)),
  ]);
}
