import { describe, expect, it } from 'vitest';
import type { ConsentState } from '../../../src/client/consent-record.ts';
import {
  type Circumstances,
  type DeviceFacts,
  hasAgreed,
  type PeerUse,
  peerUse,
  UNKNOWN_DEVICE,
} from '../../../src/client/device-policy.ts';
import { Emitter } from '../../../src/client/emitter.ts';
import { adoptableUrls } from '../../../src/client/first-visit.ts';
import { changedEvents, statsOf } from '../../../src/client/stats.ts';
import type { WorkerStatus } from '../../../src/protocol/bridge-message.ts';
import { noTraffic } from '../../../src/protocol/traffic.ts';

describe('peerUse', () => {
  const home: Circumstances = { device: UNKNOWN_DEVICE, paused: null, consent: null };
  const on = (device: Partial<DeviceFacts>): Circumstances => ({ ...home, device: { ...UNKNOWN_DEVICE, ...device } });

  it.each<[string, Circumstances, PeerUse]>([
    ['a browser that tells nothing', home, 'all'],
    ['a cable', on({ connection: 'ethernet' }), 'all'],
    ['saveData', on({ saveData: true, connection: 'wifi' }), 'none'],
    ['a cellular line', on({ connection: 'cellular' }), 'none'],
    ['a low battery', on({ lowBattery: true }), 'downloads'],
    ['a low battery on a cellular line', on({ lowBattery: true, connection: 'cellular' }), 'none'],
    ['a pause', { ...home, paused: 'all' }, 'none'],
    ['a pause of uploads', { ...home, paused: 'uploads' }, 'downloads'],
    ['a pause of uploads with saveData', { ...on({ saveData: true }), paused: 'uploads' }, 'none'],
    ['no answer yet, which the settings decide', { ...home, consent: 'wanted' }, 'all'],
    ['a yes', { ...home, consent: 'all' }, 'all'],
    ['a yes on a cellular line', { ...on({ connection: 'cellular' }), consent: 'all' }, 'none'],
    ['a yes to downloads', { ...home, consent: 'downloads' }, 'downloads'],
    ['a yes to downloads during a pause', { ...home, consent: 'downloads', paused: 'all' }, 'none'],
    ['a no', { ...home, consent: 'none' }, 'none'],
  ])('with %s', (_, circumstances, use) => {
    expect(peerUse(circumstances)).toBe(use);
  });

  it('takes only an answer for an agreement', () => {
    const states: ConsentState[] = [null, 'wanted', 'none', 'downloads', 'all'];
    expect(states.map((consent) => hasAgreed({ ...home, consent }))).toEqual([false, false, false, true, true]);
  });
});

describe('adoptableUrls', () => {
  const scope = 'https://example.org/app/';
  const load = (name: string, startTime = 1, responseStatus?: number): Parameters<typeof adoptableUrls>[0][number] =>
    responseStatus === undefined ? { name, startTime } : { name, startTime, responseStatus };

  it('names each URL of the scope once, without fragment', () => {
    const resources = [
      load(`${scope}#top`, 0),
      load(`${scope}a.js`, 1, 200),
      load(`${scope}a.js#x`),
      load('https://example.org/other/b.js'),
      load('https://cdn.example.net/c.js'),
      load(`${scope}missing.js`, 1, 404),
      load(`${scope}given-up.js`, 1, 0),
      load(`${scope}${'x'.repeat(9000)}`),
    ];
    const facts = { scope, controlledAt: 10, seen: new Set<string>() };
    expect(adoptableUrls(resources, facts)).toEqual([[scope, `${scope}a.js`]]);
    expect(adoptableUrls(resources, facts)).toEqual([]);
  });

  it('leaves out what the worker itself served', () => {
    const resources = [load(`${scope}before.js`, 9), load(`${scope}after.js`, 11)];
    expect(adoptableUrls(resources, { scope, controlledAt: 10, seen: new Set() })).toEqual([[`${scope}before.js`]]);
  });

  it('cuts lists to what one message may hold', () => {
    const resources = Array.from({ length: 10_001 }, (_, index) => load(`${scope}${index}`));
    const lists = adoptableUrls(resources, { scope, controlledAt: 10, seen: new Set() });
    expect(lists.map((list) => list.length)).toEqual([10_000, 1]);
  });
});

describe('stats', () => {
  const status: WorkerStatus = {
    release: { sequence: 3, version: 'v3' },
    news: null,
    traffic: { ...noTraffic(), plain: { store: 1, peers: 2, origin: 3, uploaded: 4, wasted: 5 } },
    peers: 2,
    leader: true,
  };

  it('are zeros before the worker said anything', () => {
    const { plain, wire } = noTraffic();
    const none = statsOf(undefined, { leader: false, peers: undefined, consent: null, update: null });
    expect(none).toEqual({ bytes: plain, wire, peers: 0, leader: false, consent: null, update: null, release: null });
  });

  it('take the peers from the own engine where there is one', () => {
    expect(statsOf(status, { leader: false, peers: undefined, consent: null, update: null }).peers).toBe(2);
    expect(statsOf(status, { leader: true, peers: 5, consent: null, update: null }).peers).toBe(5);
  });

  it('tell what changed, and nothing when nothing did', () => {
    const before = statsOf(undefined, { leader: false, peers: undefined, consent: null, update: null });
    const after = statsOf(status, { leader: true, peers: 1, consent: null, update: null });
    expect(changedEvents(before, after)).toEqual(['peers', 'leader', 'release', 'stats']);
    expect(changedEvents(after, statsOf(status, { leader: true, peers: 1, consent: null, update: null }))).toEqual([]);
    const moved = { ...status, traffic: { ...status.traffic, wire: { ...status.traffic.wire, peers: 9 } } };
    expect(changedEvents(after, statsOf(moved, { leader: true, peers: 1, consent: null, update: null }))).toEqual([
      'stats',
    ]);
  });
});

describe('Emitter', () => {
  it('calls the other listeners when one throws, and reports it', () => {
    const reported: unknown[] = [];
    const heard: string[] = [];
    const emitter = new Emitter<{ word: string }>((error) => reported.push(error));
    emitter.on('word', () => {
      throw new Error('page bug');
    });
    const off = emitter.on('word', (word) => heard.push(word));
    emitter.emit('word', 'one');
    off();
    emitter.emit('word', 'two');
    expect(heard).toEqual(['one']);
    expect(reported).toHaveLength(2);
  });

  it('counts one function that is added twice as two subscriptions', () => {
    const heard: string[] = [];
    const listener = (word: string): void => void heard.push(word);
    const emitter = new Emitter<{ word: string }>(() => undefined);
    const off = emitter.on('word', listener);
    emitter.on('word', listener);
    off();
    emitter.emit('word', 'one');
    expect(heard).toEqual(['one']);
  });
});
