import { describe, expect, it } from 'vitest';
import { signalUrl } from '../../../src/platform/signal-url.ts';

describe('the signaling URL', () => {
  it.each([
    ['https://app.example/shop/', 'tabseed/signal', 'wss://app.example/shop/tabseed/signal'],
    ['http://localhost:8080/', '/tabseed/signal', 'ws://localhost:8080/tabseed/signal'],
    ['https://app.example/', 'wss://signal.example/a?b=c#d', 'wss://signal.example/a?b=c'],
    ['https://app.example/', 'https://signal.example/', 'wss://signal.example/'],
  ])('of scope %s and setting %s is %s', (base, signal, url) => {
    expect(signalUrl(base, signal)).toBe(url);
  });

  it('is never one of another scheme', () => {
    expect(() => signalUrl('https://app.example/', 'ftp://signal.example/')).toThrow(TypeError);
  });
});
