import type { FeedPiece, FileFeed } from './file-feed.ts';

/** Which bytes of a feed a body has. */
export interface BodySlice {
  /** Bytes of the first chunk that come before it. */
  readonly skipBytes: number;
  readonly bytes: number;
}

/**
 * A response body out of a feed. Pull-driven: a reader that stops, stops the feed too, also in browsers that give no
 * cancel signal for a dropped body.
 *
 * @param first the feed's first piece, which is waited for before a response exists.
 */
export function bodyStream(feed: FileFeed, first: FeedPiece, slice: BodySlice): ReadableStream<Uint8Array> {
  let waiting: FeedPiece | undefined = first;
  let { skipBytes, bytes: leftBytes } = slice;
  return new ReadableStream(
    {
      // Its rejection, when no source has the next chunk, errors the stream: nothing else can be said any more.
      async pull(controller) {
        // Always awaited, also for the first piece, which is there already: when an event is dispatched (here the feed's
        // abort) in the turn in which a pull has enqueued, Chromium 156 hangs the whole worker.
        const piece = await (waiting ?? feed.next());
        waiting = undefined;
        if (!piece) throw new Error('the feed ended early');
        const part = piece.plain.subarray(skipBytes, skipBytes + leftBytes);
        skipBytes = 0;
        leftBytes -= part.length;
        controller.enqueue(part);
        if (leftBytes > 0) return;
        controller.close();
        feed.cancel();
      },
      cancel() {
        feed.cancel();
      },
    },
    { highWaterMark: 0 },
  );
}
