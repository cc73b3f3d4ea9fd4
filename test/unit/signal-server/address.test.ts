import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import {
  isPrivateNetwork,
  NetworkCounter,
  networkOf,
  networkOfAddress,
  prefixOf,
} from '../../../src/signal-server/address.ts';
import { SiteTokens } from '../../../src/signal-server/site-token.ts';

function request(remoteAddress: string, forwarded?: string): IncomingMessage {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  return { socket: { remoteAddress }, headers } as unknown as IncomingMessage;
}

describe('the network of a connection', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('of %s is %s', (address, network) => {
    expect(networkOfAddress(address)).toBe(network);
  });

  it('comes from the header only behind a trusted proxy, and then from the entry that the proxy wrote', () => {
    expect(networkOf(request('127.0.0.1', '192.0.2.1'), false)).toBe('127.0.0.1');
    expect(networkOf(request('127.0.0.1', '198.51.100.9, 192.0.2.1'), true)).toBe('192.0.2.1');
    expect(networkOf(request('127.0.0.1', 'not an address'), true)).toBe('127.0.0.1');
    expect(networkOf(request('127.0.0.1'), true)).toBe('127.0.0.1');
  });

  it.each([
    ['127.0.0.1', true],
    ['10.1.2.3', true],
    ['172.16.0.1', true],
    ['172.32.0.1', false],
    ['192.168.1.1', true],
    ['169.254.3.4', true],
    ['::1', true],
    ['fe80::1%eth0', true],
    ['fd12:3456::1', true],
    ['192.0.2.7', false],
    ['100.64.0.1', false],
    ['2001:db8::1', false],
    ['fec0::1', false],
  ])('of %s is a private one: %s', (address, isPrivate) => {
    expect(isPrivateNetwork(networkOfAddress(address))).toBe(isPrivate);
  });

  it('is one site with itself, one with all private ones, and a secret of its server', () => {
    const [one, two] = [new SiteTokens(), new SiteTokens()];
    expect(one.token('192.0.2.7')).toBe(one.token('192.0.2.7'));
    expect(one.token('192.0.2.7')).not.toBe(one.token('192.0.2.8'));
    expect(one.token('10.1.2.3')).toBe(one.token('fe80:0:0:0::/64'));
    expect(one.token('192.0.2.7')).not.toBe(two.token('192.0.2.7'));
  });

  it('lies in a block: an IPv4 /24, an IPv6 /48, known by a token of its own', () => {
    expect(prefixOf('192.0.2.7')).toBe('192.0.2');
    expect(prefixOf('2001:db8:1:2::/64')).toBe('2001:db8:1');
    const tokens = new SiteTokens();
    expect(tokens.prefixToken('192.0.2.7')).toBe(tokens.prefixToken('192.0.2.8'));
    expect(tokens.prefixToken('192.0.2.7')).not.toBe(tokens.prefixToken('192.0.3.7'));
    expect(tokens.prefixToken('192.0.2.7')).not.toBe(tokens.token('192.0.2.7'));
  });

  it('is counted up to a maximum and forgotten when its last connection ends', () => {
    const counter = new NetworkCounter(2);
    expect([counter.enter('a'), counter.enter('a'), counter.enter('a'), counter.enter('b')]).toEqual([
      true,
      true,
      false,
      true,
    ]);
    counter.leave('a');
    expect(counter.enter('a')).toBe(true);
  });
});
