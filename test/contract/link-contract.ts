import { LINK_HIGH_WATER_BYTES, type LinkHandlers, type PeerLink } from '../../src/core/ports.ts';
import { type ContractCase, equal, ok, patterned, Signal } from './contract.ts';

export interface LinkSubject {
  /** Two ends of one open connection, in real time. */
  readonly connect: () => Promise<[PeerLink, PeerLink]>;
}

/** Binds an end and collects what it hears. */
class Listener implements LinkHandlers {
  readonly frames: Uint8Array[] = [];
  readonly closed = new Signal();
  closeCount = 0;
  onWritable: () => void = () => undefined;
  #wanted: { readonly count: number; readonly reached: Signal } | undefined;

  constructor(link: PeerLink) {
    link.bind(this);
  }

  onFrame(frame: Uint8Array): void {
    this.frames.push(frame);
    if (this.frames.length === this.#wanted?.count) this.#wanted.reached.resolve();
  }

  onClose(): void {
    this.closeCount += 1;
    this.closed.resolve();
  }

  async received(count: number): Promise<Uint8Array[]> {
    if (this.frames.length < count) {
      this.#wanted = { count, reached: new Signal() };
      await this.#wanted.reached.promise;
    }
    return this.frames;
  }
}

const FRAME_BYTES = 64 * 1024;

export const linkContract: readonly ContractCase<LinkSubject>[] = [
  {
    name: 'delivers frames whole and in order, both ways, from one byte to 64 KiB and a header',
    run: async ({ connect }) => {
      const [left, right] = await connect();
      const [atLeft, atRight] = [new Listener(left), new Listener(right)];
      const frames = [1, 3, 1000, FRAME_BYTES + 64, 2, 20_000].map((length, index) => patterned(length, index + 1));
      for (const frame of frames) {
        left.send(frame);
        right.send(frame);
      }
      equal(await atRight.received(frames.length), frames, 'at the right');
      equal(await atLeft.received(frames.length), frames, 'at the left');
      left.close();
      await Promise.all([atLeft.closed.promise, atRight.closed.promise]);
    },
  },
  {
    name: 'copies a frame before send returns, and sends only the view of a larger buffer',
    run: async ({ connect }) => {
      const [left, right] = await connect();
      const atRight = new Listener(right);
      const buffer = patterned(4096);
      left.send(buffer.subarray(1000, 1500));
      buffer.fill(0);
      equal(await atRight.received(1), [patterned(4096).subarray(1000, 1500)]);
      left.close();
      await atRight.closed.promise;
    },
  },
  {
    name: 'keeps frames that came before it was bound, and calls nothing inside bind',
    run: async ({ connect }) => {
      const [left, right] = await connect();
      const atLeft = new Listener(left);
      left.send(patterned(10));
      left.send(patterned(20));
      // The answer proves that the first two frames have arrived: both directions were used in order.
      right.send(patterned(1));
      await atLeft.received(1);
      const atRight = new Listener(right);
      equal(atRight.frames.length, 0);
      equal(await atRight.received(2), [patterned(10), patterned(20)]);
      left.close();
      await atRight.closed.promise;
    },
  },
  {
    name: 'moves 16 MiB by stopping at the high mark and going on at onWritable',
    run: async ({ connect }) => {
      const [left, right] = await connect();
      const [atLeft, atRight] = [new Listener(left), new Listener(right)];
      const frameCount = 256;
      const frame = patterned(FRAME_BYTES);
      let sent = 0;
      let stops = 0;
      let highest = 0;
      const fill = (): void => {
        while (sent < frameCount && left.bufferedBytes < LINK_HIGH_WATER_BYTES) {
          left.send(frame);
          sent += 1;
          highest = Math.max(highest, left.bufferedBytes);
        }
        if (sent < frameCount) stops += 1;
      };
      atLeft.onWritable = () => {
        ok(left.bufferedBytes <= left.lowWaterBytes, 'the queue is at or below the low mark at onWritable');
        fill();
      };
      fill();
      const received = await atRight.received(frameCount);
      equal(
        received.reduce((bytes, piece) => bytes + piece.length, 0),
        frameCount * FRAME_BYTES,
      );
      ok(stops > 0, 'the sender had to stop at least once');
      ok(highest <= LINK_HIGH_WATER_BYTES + FRAME_BYTES, 'the queue never grew past the high mark and one frame');
      left.close();
      await atRight.closed.promise;
    },
  },
  {
    name: 'sends what is queued before it closes, and tells both ends once',
    run: async ({ connect }) => {
      const [left, right] = await connect();
      const [atLeft, atRight] = [new Listener(left), new Listener(right)];
      for (let index = 0; index < 16; index += 1) left.send(patterned(FRAME_BYTES, index));
      left.close();
      equal(atLeft.closeCount, 0, 'calls inside close');
      left.send(patterned(5));
      await Promise.all([atLeft.closed.promise, atRight.closed.promise]);
      equal(atRight.frames.length, 16, 'frames that arrived');
      equal(atRight.frames[15], patterned(FRAME_BYTES, 15));
      left.close();
      right.close();
      right.send(patterned(1));
      await Promise.resolve();
      equal([atLeft.closeCount, atRight.closeCount], [1, 1]);
      equal([left.bufferedBytes, right.bufferedBytes], [0, 0]);
    },
  },
  {
    name: 'tells a late listener that it has closed',
    run: async ({ connect }) => {
      const [left, right] = await connect();
      const atLeft = new Listener(left);
      left.close();
      await atLeft.closed.promise;
      await new Listener(right).closed.promise;
    },
  },
  {
    name: 'is asked for its round trip in vain at worst, also when it is closed',
    run: async ({ connect }) => {
      const [left, right] = await connect();
      const atRight = new Listener(right);
      new Listener(left);
      left.close();
      await atRight.closed.promise;
      for (const link of [left, right]) await link.roundTripMs?.();
    },
  },
];
