/**
 * The signaling server: introduces the peers of a swarm and relays their offers, answers and candidates. It never sees
 * content. The messages are described in PROTOCOL.md.
 *
 * @packageDocumentation
 */
export type { IceServer } from '../protocol/signal-message.ts';
export type { ServerClock } from './clock.ts';
export { isSignalUrl } from './endpoint.ts';
export type { DropCode, RefusalReason, SignalEvent, SignalServerOptions } from './options.ts';
export { createSignalServer, type SignalServer, type SignalStats } from './server.ts';
