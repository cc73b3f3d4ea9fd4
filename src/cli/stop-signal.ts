import { CliError } from './exit.ts';

/** Runs work that Ctrl+C or a CI job's end breaks off, with OUT as it was. */
export async function untilStopped<T>(work: (abort: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    abort.abort(new CliError('stopped', `stopped by ${signal}: nothing was published`));
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await work(abort.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
