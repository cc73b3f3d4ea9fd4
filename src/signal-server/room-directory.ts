import type { ClientSignalMessage, Reach } from '../protocol/signal-message.ts';
import type { Connection } from './connection.ts';
import { type Delivery, Room, type RoomOptions } from './room.ts';

/** All rooms of one server. A room exists while somebody is in it. */
export class RoomDirectory {
  readonly #options: RoomOptions;
  readonly #rooms = new Map<string, Room>();

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#rooms.size;
  }

  /** @returns false when the room is full. */
  join(connection: Connection, roomName: string, reach: Reach | undefined): boolean {
    const room = this.#rooms.get(roomName) ?? new Room(this.#options);
    if (!room.join(connection.peer, connection.site, reach)) return false;
    this.#rooms.set(roomName, room);
    connection.roomName = roomName;
    return true;
  }

  handle(connection: Connection, message: Exclude<ClientSignalMessage, { type: 'join' }>): Delivery[] {
    const room = this.#roomOf(connection);
    if (room === undefined) return [];
    switch (message.type) {
      case 'match':
        return room.match(connection.peer, message.count);
      case 'signal':
        return room.signal(connection.peer, message.to, message.signal);
      case 'unmatch':
        return room.unmatch(connection.peer, message.peer);
      default:
        return message satisfies never;
    }
  }

  leave(connection: Connection): Delivery[] {
    const room = this.#roomOf(connection);
    if (room === undefined || connection.roomName === undefined) return [];
    const deliveries = room.leave(connection.peer);
    if (room.size === 0) this.#rooms.delete(connection.roomName);
    connection.roomName = undefined;
    return deliveries;
  }

  #roomOf(connection: Connection): Room | undefined {
    return connection.roomName === undefined ? undefined : this.#rooms.get(connection.roomName);
  }
}
