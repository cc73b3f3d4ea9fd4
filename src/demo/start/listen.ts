import { ListenError } from '../../cli/http-listener.ts';
import { type RunningServer, type ServerOptions, startServer } from '../../cli/start-server.ts';

const USUAL_PORT = 8080;
/** Ports that are tried after the usual one; a machine with more taken has another problem. */
const MORE_PORTS = 20;

/** Starts on the port that was asked for, else on the usual one or the next that is free. @throws ListenError */
export async function startOnFreePort(port: number | undefined, options: ServerOptions): Promise<RunningServer> {
  if (port !== undefined) return await startServer({ ...options, port });
  for (let candidate = USUAL_PORT; ; candidate += 1) {
    try {
      return await startServer({ ...options, port: candidate });
    } catch (error) {
      const isTaken = error instanceof ListenError && error.code === 'port-taken';
      if (!isTaken || candidate === USUAL_PORT + MORE_PORTS) throw error;
    }
  }
}
