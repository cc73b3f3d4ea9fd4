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
  let piece: FeedPiece | undefined = first;
  let skipBytes = slice.skipBytes;
  let leftBytes = slice.bytes;
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          // Always awaited, also for the first piece, which is there already: when `pull` closes the stream in its own
          // turn and an abort listener then runs, Chromium 156 hangs the whole worker.
          piece = await (piece ?? feed.next());
        } catch (error) {
          controller.error(error);
          return;
        }
        if (piece === undefined) {
          controller.error(new Error('the feed ended early'));
          return;
        }
        const part = piece.plain.subarray(skipBytes, skipBytes + leftBytes);
        piece = undefined;
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
