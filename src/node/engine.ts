import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { EngineCommand, EngineReport } from './engine-report.ts';
import type { PeerSettings } from './local-peer.ts';

/** A process that runs a peer. */
export interface Engine {
  readonly processId: number | undefined;
  tell(command: EngineCommand): void;
  /** At once, whatever it does. `onEnd` follows. */
  kill(): void;
}

export interface EngineHandlers {
  onReport(report: EngineReport): void;
  /** Called once; `how` is an exit code or the name of a signal. */
  onEnd(how: string): void;
}

/** The same from src/node as from dist/node: sources run with the built program. */
const PROGRAM = fileURLToPath(new URL('../../dist/node/engine-process.js', import.meta.url));

/** Starts the process of an engine, and the engine in it. */
export function forkEngine(settings: PeerSettings, handlers: EngineHandlers): Engine {
  const child = fork(PROGRAM, [], {
    execArgv: [],
    // simple-peer says on stderr which candidates it does not know; what the engine has to say comes as reports.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  let hasEnded = false;
  const end = (how: string): void => {
    if (hasEnded) return;
    hasEnded = true;
    handlers.onEnd(how);
  };
  child.on('message', (report: EngineReport) => handlers.onReport(report));
  child.once('exit', (code, signal) => end(signal ?? String(code)));
  // It could not be started, or a message found it gone: `exit` may never come.
  child.on('error', (error) => {
    if (child.pid === undefined) end(error.message);
  });
  const engine: Engine = {
    processId: child.pid,
    tell: (command) => {
      if (child.connected) child.send(command, () => undefined);
    },
    kill: () => child.kill('SIGKILL'),
  };
  engine.tell({ type: 'start', settings });
  return engine;
}
