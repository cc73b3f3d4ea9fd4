import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6 } from 'node:net';

/**
 * The network that a connection comes from, as a key for counting: an IPv4 address, or the /64 of an IPv6 one (a home
 * has the whole /64, so single addresses would count nothing).
 *
 * @param trustProxy Take the last entry of X-Forwarded-For, the only one that the proxy in front wrote itself.
 */
export function networkOf(request: IncomingMessage, trustProxy: boolean): string {
  const direct = request.socket.remoteAddress ?? '';
  return networkOfAddress(trustProxy ? (forwardedAddress(request) ?? direct) : direct);
}

function forwardedAddress(request: IncomingMessage): string | undefined {
  const header = request.headers['x-forwarded-for'];
  const last = (Array.isArray(header) ? header.join(',') : header)?.split(',').at(-1)?.trim();
  return last !== undefined && isIP(last) !== 0 ? last : undefined;
}

/** @internal */
export function networkOfAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  return isIPv6(address) ? `${expandedGroups(address).slice(0, 4).join(':')}::/64` : address;
}

/**
 * The block that a network lies in: who rents many addresses to surround a peer gets them in blocks. An IPv4 /24 is the
 * smallest that is routed by itself, an IPv6 /48 what one customer is assigned (RFC 6177).
 *
 * @param network As `networkOf` gives it.
 */
export function prefixOf(network: string): string {
  return network.includes(':') ? network.split(':').slice(0, 3).join(':') : network.split('.').slice(0, 3).join('.');
}

/**
 * Loopback, link-local (RFC 3927, RFC 4291) and private (RFC 1918, RFC 4193) addresses.
 *
 * @param network As `networkOf` gives it.
 */
export function isPrivateNetwork(network: string): boolean {
  return /^(?:127\.|10\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|0:0:0:0::|fe[89ab].:|f[cd]..:)/.test(
    network,
  );
}

/** The eight groups of an IPv6 address, without leading zeros. */
function expandedGroups(address: string): string[] {
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...Array.from({ length: missing }, () => '0'), ...last];
  return groups.map((group) => group.replace(/^0+(?=.)/, ''));
}

/** How many connections each network has open. */
export class NetworkCounter {
  readonly #counts = new Map<string, number>();
  readonly #maximum: number;

  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** @returns false when the network has its share already. */
  enter(network: string): boolean {
    const count = this.#counts.get(network) ?? 0;
    if (count >= this.#maximum) return false;
    this.#counts.set(network, count + 1);
    return true;
  }

  leave(network: string): void {
    const count = this.#counts.get(network) ?? 0;
    if (count <= 1) this.#counts.delete(network);
    else this.#counts.set(network, count - 1);
  }
}
