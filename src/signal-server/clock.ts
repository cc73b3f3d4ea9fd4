/** Time as the server needs it; a test puts a virtual one in its place. */
export interface ServerClock {
  /** Milliseconds from an arbitrary start, never going back. */
  now(): number;
  /** Runs again and again until the returned function is called. */
  every(milliseconds: number, run: () => void): () => void;
}

export function systemClock(): ServerClock {
  return {
    now: () => performance.now(),
    every(milliseconds, run) {
      const timer = setInterval(run, milliseconds);
      return () => clearInterval(timer);
    },
  };
}
