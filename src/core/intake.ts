import type { SourceName } from '../protocol/bridge-message.ts';
import type { ChunkId } from '../protocol/identifier.ts';
import { type ChunkLocation, chunkAt } from './catalog.ts';
import { openChunk } from './chunk.ts';
import type { ChunkReceiver, Demand, WantedChunk } from './demand.ts';
import { IntegrityError } from './errors.ts';
import type { Inventory } from './inventory.ts';
import type { PeerSession } from './peer-session.ts';
import type { StoredChunk, SwarmPorts } from './ports.ts';

/** What arrivals cause. */
export interface IntakeHost {
  locate(chunk: ChunkId): ChunkLocation | undefined;
  /** So much came; from peers and the origin `wireBytes` as sent. */
  onBytes(source: SourceName | 'wasted', plainBytes: number, wireBytes: number): void;
  /** It is here, verified, and delivered. */
  onSettled(wanted: WantedChunk, source: 'peers' | 'origin', wireBytes: number): void;
  /** The origin sent something else. */
  onOriginWrong(chunk: ChunkId): void;
  /** There may be something to ask for. */
  onRoom(): void;
}

/** Chunks read from the store at once when a fetch finds them there. */
const STORE_READ_BATCH = 16;

/** The way of what comes in: verified, then delivered, then stored. Nothing unverified gets further. */
export class Intake {
  readonly #ports: Pick<SwarmPorts, 'digest' | 'codec' | 'log'>;
  readonly #demand: Demand;
  readonly #inventory: Inventory;
  readonly #host: IntakeHost;

  constructor(
    ports: Pick<SwarmPorts, 'digest' | 'codec' | 'log'>,
    demand: Demand,
    inventory: Inventory,
    host: IntakeHost,
  ) {
    this.#ports = ports;
    this.#demand = demand;
    this.#inventory = inventory;
    this.#host = host;
  }

  async takeFromPeer(session: PeerSession, location: ChunkLocation, stored: StoredChunk): Promise<void> {
    const { id, plainBytes } = chunkAt(location);
    const wanted = this.#demand.get(id);
    if (wanted === undefined || wanted.arrived) {
      this.#host.onBytes('wasted', plainBytes, stored.bytes.length);
      return;
    }
    // This peer has answered: whatever comes of it, nothing of the chunk is open there any more.
    if (wanted.peer === session.peer) wanted.peer = undefined;
    try {
      await this.#accept(wanted, stored, 'peers');
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      this.#host.onBytes('wasted', plainBytes, stored.bytes.length);
      session.close('banned');
    }
    // An arrival only makes room; looking at the whole demand for each would cost more than the chunks do.
    if (session.downloads.room > 0) this.#host.onRoom();
  }

  async takeFromOrigin(chunk: ChunkId, stored: StoredChunk): Promise<void> {
    const wanted = this.#demand.get(chunk);
    if (wanted === undefined && !this.#inventory.has(chunk)) {
      await this.#keep(chunk, stored);
      return;
    }
    if (wanted === undefined || wanted.arrived) {
      this.#host.onBytes('wasted', stored.bytes.length, stored.bytes.length);
      return;
    }
    try {
      await this.#accept(wanted, stored, 'origin');
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      this.#ports.log.debug('origin-chunk-wrong', { chunk, code: error.code });
      this.#host.onOriginWrong(chunk);
    }
    this.#host.onRoom();
  }

  /** Nobody waits for it any more, or yet. */
  async #keep(id: ChunkId, stored: StoredChunk): Promise<void> {
    const location = this.#host.locate(id);
    if (location === undefined) return;
    try {
      const { length } = await openChunk(this.#ports, chunkAt(location), stored);
      const wanted = this.#demand.get(id);
      if (wanted !== undefined && !wanted.arrived) await this.#accept(wanted, stored, 'origin');
      else {
        this.#host.onBytes('origin', length, stored.bytes.length);
        this.#inventory.add(id, stored);
      }
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      this.#host.onBytes('wasted', stored.bytes.length, stored.bytes.length);
    }
  }

  /** What is here already. @param onLost for each that the store has not after all */
  async deliverStored(
    chunks: readonly ChunkId[],
    receiver: ChunkReceiver,
    onLost: (chunk: ChunkId) => void,
  ): Promise<void> {
    for (let first = 0; first < chunks.length; first += STORE_READ_BATCH) {
      const batch = chunks.slice(first, first + STORE_READ_BATCH);
      for (const [position, opened] of (await this.#inventory.read(batch)).entries()) {
        const chunk = batch[position] as ChunkId;
        if (opened === undefined) onLost(chunk);
        else {
          this.#host.onBytes('store', opened.plain.length, 0);
          receiver.onChunk(chunk, opened.plain.slice(), 'store');
        }
      }
    }
    this.#host.onRoom();
  }

  /** A page does not wait for the disk. */
  async #accept(wanted: WantedChunk, stored: StoredChunk, source: 'peers' | 'origin'): Promise<void> {
    wanted.arrived = true;
    const chunk = chunkAt(wanted.location);
    let plain: Uint8Array;
    try {
      plain = await openChunk(this.#ports, chunk, stored);
    } catch (error) {
      wanted.arrived = false;
      throw error;
    }
    this.#demand.remove(wanted);
    this.#host.onBytes(source, plain.length, stored.bytes.length);
    this.#inventory.add(wanted.id, stored);
    for (const receiver of wanted.receivers) receiver.onChunk(wanted.id, plain.slice(), source);
    this.#host.onSettled(wanted, source, stored.bytes.length);
  }
}
