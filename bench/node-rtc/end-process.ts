import type { Dialing, PeerLink } from '../../src/core/ports.ts';
import { LINK_HIGH_WATER_BYTES } from '../../src/core/ports.ts';
import { loadDialer, type RtcLibrary } from '../../src/node/rtc-library.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import type { PeerSignal } from '../../src/protocol/signal-message.ts';

/** What the benchmark tells an end. */
export type EndCommand =
  | { readonly type: 'dial'; readonly link: number; readonly initiator: boolean }
  | { readonly type: 'signal'; readonly link: number; readonly signal: PeerSignal }
  | { readonly type: 'send'; readonly link: number; readonly bytes: number }
  | { readonly type: 'close'; readonly link: number }
  | { readonly type: 'measure' };

/** What an end tells the benchmark. */
export type EndReport =
  | { readonly type: 'ready' }
  | { readonly type: 'signal'; readonly link: number; readonly signal: PeerSignal }
  | { readonly type: 'open'; readonly link: number }
  | { readonly type: 'failed'; readonly link: number; readonly reason: string }
  /** Bytes that arrived so far; told each megabyte. */
  | { readonly type: 'received'; readonly link: number; readonly bytes: number }
  | { readonly type: 'closed'; readonly link: number }
  | { readonly type: 'measured'; readonly rssBytes: number };

const FRAME = new Uint8Array(64 * 1024).fill(7);
const TOLD_BYTES = 1024 * 1024;

const dialer = await loadDialer(process.argv[2] as RtcLibrary, systemClock());
const dialings = new Map<number, Dialing>();
const links = new Map<number, PeerLink>();
const unsent = new Map<number, number>();

function tell(report: EndReport): void {
  process.send?.(report);
}

function fill(link: number): void {
  const open = links.get(link);
  let rest = unsent.get(link) ?? 0;
  while (open !== undefined && rest > 0 && open.bufferedBytes < LINK_HIGH_WATER_BYTES) {
    open.send(FRAME.subarray(0, Math.min(rest, FRAME.length)));
    rest -= Math.min(rest, FRAME.length);
  }
  unsent.set(link, rest);
}

function handleOpen(link: number, open: PeerLink): void {
  links.set(link, open);
  let bytes = 0;
  let toldBytes = 0;
  open.bind({
    onFrame: (frame) => {
      bytes += frame.length;
      if (bytes - toldBytes < TOLD_BYTES) return;
      toldBytes = bytes;
      tell({ type: 'received', link, bytes });
    },
    onWritable: () => fill(link),
    onClose: () => {
      for (const map of [links, dialings, unsent]) map.delete(link);
      tell({ type: 'closed', link });
    },
  });
  tell({ type: 'open', link });
}

process.on('message', (command: EndCommand) => {
  switch (command.type) {
    case 'dial': {
      const { link, initiator } = command;
      const dialing = dialer.dial(
        { peer: String(link), initiator, iceServers: [] },
        {
          onSignal: (signal) => tell({ type: 'signal', link, signal }),
          onOpen: (open) => handleOpen(link, open),
          onFailed: (reason) => tell({ type: 'failed', link, reason }),
        },
      );
      dialings.set(link, dialing);
      break;
    }
    case 'signal':
      dialings.get(command.link)?.handleSignal(command.signal);
      break;
    case 'send':
      unsent.set(command.link, command.bytes);
      fill(command.link);
      break;
    case 'close':
      links.get(command.link)?.close();
      break;
    case 'measure':
      globalThis.gc?.();
      tell({ type: 'measured', rssBytes: process.memoryUsage.rss() });
      break;
    default:
      command satisfies never;
  }
});
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
tell({ type: 'ready' });
