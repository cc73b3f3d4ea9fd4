import { Presets, SingleBar } from 'cli-progress';
import type { PublishProgress } from '../publisher/index.ts';

export interface ProgressDisplay {
  update(progress: PublishProgress): void;
  stop(): void;
}

const BYTES_PER_MB = 1_000_000;

/** A bar on a terminal; nothing where output is read by a program or kept in a log. */
export function showProgress(stream: NodeJS.WriteStream): ProgressDisplay {
  if (!stream.isTTY) return { update: () => undefined, stop: () => undefined };
  const bar = new SingleBar(
    { stream, format: '{bar} {percentage}% of {megabytes} MB  {path}', clearOnComplete: true, hideCursor: true },
    Presets.shades_classic,
  );
  let isStarted = false;
  return {
    update({ path, doneBytes, totalBytes }) {
      const payload = { path, megabytes: (totalBytes / BYTES_PER_MB).toFixed(1) };
      if (!isStarted) bar.start(totalBytes, doneBytes, payload);
      else bar.update(doneBytes, payload);
      isStarted = true;
    },
    stop() {
      if (isStarted) bar.stop();
    },
  };
}
