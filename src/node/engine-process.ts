import type { EngineCommand, EngineReport } from './engine-report.ts';
import { type LocalPeer, type PeerSettings, startLocalPeer } from './local-peer.ts';

/** The program of an engine's process; `engine.ts` starts it. */

const STATUS_MS = 1000;

let local: LocalPeer | undefined;

function tell(report: EngineReport): void {
  if (process.connected) process.send?.(report);
}

function tellStatus(): void {
  const peer = local?.peer;
  const { peerCount: peers = 0, traffic, release } = peer ?? {};
  if (traffic === undefined || release === undefined) return;
  const rssBytes = process.memoryUsage.rss();
  tell({ type: 'status', status: { peers, traffic, release, rssBytes, dialCount: local?.dialCount() ?? 0 } });
}

/** Native code keeps threads that end a process late, or crash it at its end: nothing is left to do here. */
function end(): void {
  process.kill(process.pid, 'SIGKILL');
}

async function start(settings: PeerSettings): Promise<void> {
  try {
    local = await startLocalPeer(settings, {
      onProgress: (progress) => tell({ type: 'progress', progress }),
      onUnfit: (chunkCount) => tell({ type: 'unfit', chunkCount }),
    });
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
    tell({ type: 'failed', error: { name, code, message } });
    return;
  }
  tellStatus();
  tell({ type: 'started' });
  setInterval(tellStatus, STATUS_MS);
  void local.peer.retired.then(() => tell({ type: 'retired' }));
  await local.peer.mirrored;
  tellStatus();
  tell({ type: 'mirrored' });
}

async function stop(): Promise<void> {
  await local?.peer.leave();
  tell({ type: 'left' });
  await local?.peer.close();
  tellStatus();
  // The pipe is written to before the end.
  setImmediate(end);
}

process.on('message', (command: EngineCommand) => {
  switch (command.type) {
    case 'start':
      // A rejection is of `mirrored`, when it is stopped before.
      start(command.settings).catch(() => undefined);
      break;
    case 'stop':
      void stop();
      break;
    default:
      command satisfies never;
  }
});
// A terminal or systemd sends signals to all processes of a group; the supervisor alone decides.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
// The supervisor is gone, perhaps by `kill -9`: the next one starts its own.
process.on('disconnect', end);
