import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ConsentAnswer, ConsentRecord } from '../../../src/client/consent-record.ts';

const KEY = 'tabseed consent https://app.example/';

/** A tab's window: its storage, which all tabs share, and the events of the other tabs. */
let stored: Map<string, string>;
let windows: EventTarget;

beforeEach(() => {
  stored = new Map();
  windows = new EventTarget();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
  });
  vi.stubGlobal('addEventListener', windows.addEventListener.bind(windows));
});

afterEach(() => {
  vi.unstubAllGlobals();
});

function tab(): { readonly record: ConsentRecord; readonly heard: unknown[] } {
  const heard: unknown[] = [];
  const record: ConsentRecord = new ConsentRecord(KEY, () => heard.push(record.state));
  record.watch();
  return { record, heard };
}

function storageEvent(key: string | null): void {
  windows.dispatchEvent(Object.assign(new Event('storage'), { key }));
}

describe('ConsentRecord', () => {
  it('is asked once, and keeps the answer for the next visit', () => {
    const { record, heard } = tab();
    expect(record.state).toBe(null);
    record.setWanted(true);
    record.setWanted(true);
    record.answer('downloads');
    record.setWanted(true);
    record.setWanted(false);
    expect(heard).toEqual(['wanted', 'downloads']);
    expect(tab().record.state).toBe('downloads');
  });

  it('can be revoked, and given again', () => {
    const { record, heard } = tab();
    for (const answer of ['all', 'none', 'none', 'all'] satisfies ConsentAnswer[]) record.answer(answer);
    expect(heard).toEqual(['all', 'none', 'all']);
  });

  it('is not wanted any more when a release asks nobody', () => {
    const { record } = tab();
    record.setWanted(true);
    record.setWanted(false);
    expect([record.state, stored.size]).toEqual([null, 0]);
  });

  it('hears the other tabs, and that the data of the site was deleted', () => {
    const { record, heard } = tab();
    stored.set(KEY, 'all');
    storageEvent('of something else');
    expect(heard).toEqual([]);
    storageEvent(KEY);
    stored.clear();
    storageEvent(null);
    expect(heard).toEqual(['all', null]);
    stored.set(KEY, 'none');
    record.refresh();
    expect(record.state).toBe('none');
  });

  it('takes anything but an answer in the storage for none, and refuses it from a page', () => {
    stored.set(KEY, 'yes');
    const { record } = tab();
    expect(record.state).toBe(null);
    expect(() => record.answer('wanted' as ConsentAnswer)).toThrow(TypeError);
    expect(() => record.answer(true as unknown as ConsentAnswer)).toThrow(TypeError);
  });

  it('counts for the life of a tab where storage is blocked', () => {
    vi.stubGlobal('localStorage', undefined);
    const { record, heard } = tab();
    record.answer('all');
    record.refresh();
    expect([record.state, heard]).toEqual(['all', ['all']]);
  });
});
