import { InvalidArgumentError } from 'commander';
import { MAX_ICE_SERVERS } from '../protocol/limits.ts';
import type { IceServer } from '../protocol/signal-message.ts';

const MAX_PORT = 65_535;

/** Parses `--port`. @throws InvalidArgumentError */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > MAX_PORT) throw new InvalidArgumentError(`a port is a number up to ${MAX_PORT}.`);
  return port;
}

const ICE_URL = /^(stuns?|turns?):(?:([^:@]+):([^@]+)@)?([^@\s]+)$/;

/**
 * Parses one of several `--ice` options: `stun:host:port`, or `turn:user:password@host:port`. A password given here goes
 * to every browser that joins, so it is no secret from the process list either.
 *
 * @throws InvalidArgumentError
 */
export function parseIce(text: string, earlier: readonly IceServer[]): IceServer[] {
  const [, scheme, username, credential, rest] = ICE_URL.exec(text) ?? [];
  if (scheme === undefined || rest === undefined) {
    throw new InvalidArgumentError('an ICE server is stun:host:port or turn:user:password@host:port.');
  }
  if (scheme.startsWith('turn') && (username === undefined || credential === undefined)) {
    throw new InvalidArgumentError('a TURN server needs a user and a password: turn:user:password@host:port.');
  }
  if (earlier.length >= MAX_ICE_SERVERS) throw new InvalidArgumentError(`at most ${MAX_ICE_SERVERS} ICE servers.`);
  const urls = [`${scheme}:${rest}`];
  const server = username === undefined || credential === undefined ? { urls } : { urls, username, credential };
  return [...earlier, server];
}
