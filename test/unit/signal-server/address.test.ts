import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { NetworkCounter, networkOf, networkOfAddress } from '../../../src/signal-server/address.ts';

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
