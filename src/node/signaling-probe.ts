import { WebSocket } from 'ws';
import { MAX_SIGNAL_MESSAGE_BYTES } from '../protocol/limits.ts';
import { type ClientSignalMessage, decodeServerSignalMessage, type Reach } from '../protocol/signal-message.ts';
import { PROTOCOL_VERSION } from '../protocol/version.ts';

/** From the attempt to the welcome. */
const JOIN_LIMIT_MS = 10_000;
/** Partners are named at once, those that come from another node a moment later. */
const PARTNERS_WAIT_MS = 1000;
/** Each partner is told of us and may try to connect: few are enough to see that there are some. */
const PARTNERS = 4;

export type SignalingAnswer =
  | { readonly isJoined: true; readonly partners: number; readonly iceServers: number }
  /** One word or two: an HTTP status, an errno, a code of the server. */
  | { readonly isJoined: false; readonly reason: string };

/** Joins a room as a browser does, asks for partners, and leaves without connecting to any. Never rejects. */
export function probeSignaling(url: string, room: string, reach: Reach): Promise<SignalingAnswer> {
  return new Promise((resolve) => {
    let joined: { partners: number; readonly iceServers: number } | undefined;
    const socket = new WebSocket(url, {
      maxPayload: MAX_SIGNAL_MESSAGE_BYTES,
      perMessageDeflate: false,
      handshakeTimeout: JOIN_LIMIT_MS,
      followRedirects: false,
    });
    const end = (reason: string): void => {
      clearTimeout(timer);
      socket.terminate();
      resolve(joined ? { isJoined: true, ...joined } : { isJoined: false, reason });
    };
    let timer = setTimeout(() => end('no answer'), JOIN_LIMIT_MS);
    const send = (message: ClientSignalMessage): void => socket.send(JSON.stringify(message));
    socket.on('open', () => send({ type: 'join', version: PROTOCOL_VERSION, room, reach }));
    socket.on('error', (error) => end('code' in error ? String(error.code) : 'no WebSocket'));
    socket.on('unexpected-response', (_request, response) => end(`HTTP ${response.statusCode ?? 0}`));
    socket.on('close', () => end('closed'));
    socket.on('message', (data, isBinary) => {
      try {
        const message = decodeServerSignalMessage(isBinary || !Buffer.isBuffer(data) ? '' : data.toString());
        if (message.type === 'error') end(message.code);
        if (message.type === 'partner' && joined) joined.partners += 1;
        if (message.type !== 'welcome' || joined) return;
        joined = { partners: 0, iceServers: message.iceServers.length };
        send({ type: 'match', count: PARTNERS });
        clearTimeout(timer);
        timer = setTimeout(() => end('left'), PARTNERS_WAIT_MS);
      } catch {
        end('not a signaling server');
      }
    });
  });
}
