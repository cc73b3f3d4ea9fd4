/**
 * Resolves with the first SIGTERM or SIGINT. The next one ends the process at once, as usual: somebody who presses
 * Ctrl+C twice does not want to wait.
 */
export function termination(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const onSignal = (signal: NodeJS.Signals) => {
      process.off('SIGTERM', onSignal);
      process.off('SIGINT', onSignal);
      resolve(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}
