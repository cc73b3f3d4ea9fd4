import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROTOCOL_ERROR_CODES } from '../../../src/protocol/errors.ts';
import * as limits from '../../../src/protocol/limits.ts';
import { SIGNAL_ERROR_CODES } from '../../../src/protocol/signal-message.ts';
import { PROTOCOL_VERSION } from '../../../src/protocol/version.ts';
import { type BytesVectors, bytesOf, readVectors } from './vectors.ts';

const page = readFileSync(join(import.meta.dirname, '../../../PROTOCOL.md'), 'utf8');
/** Cells of all rows of all tables. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.split('|').map((cell) => cell.trim()));

/** The row whose first cell is this name in code style. */
function rowOf(name: string): string[] | undefined {
  return rows.find(([, first]) => first === `\`${name}\``);
}

describe('PROTOCOL.md', () => {
  it('is about the current version', () => {
    expect(page.split('\n')[0]).toBe(`# The Tabseed protocol, version ${PROTOCOL_VERSION}`);
  });

  it.each(Object.entries(limits))('lists the limit %s as %d', (name, value) => {
    expect(rowOf(name)?.[2]).toBe(value.toLocaleString('en'));
  });

  it('lists no limit that is gone', () => {
    const listed = rows.map(([, first]) => /^`(MAX_\w+)`$/.exec(first ?? '')?.[1]).filter((name) => name !== undefined);
    expect(listed).toEqual(listed.filter((name) => name in limits));
  });

  it.each([...PROTOCOL_ERROR_CODES, ...SIGNAL_ERROR_CODES])('says what the error %s means', (code) => {
    expect(rowOf(code)?.[2]).toMatch(/\w/);
  });

  it('lists every peer message with its type', () => {
    for (const { layout, value } of (readVectors('peer-message.json') as BytesVectors).valid) {
      const type = bytesOf(layout)[0];
      expect(rowOf((value as { type: string }).type)?.[2]).toBe(String(type));
    }
  });

  it('lists every signaling and bridge message', () => {
    const signaling = readVectors('signal-message.json') as Record<string, { valid: { value: { type: string } }[] }>;
    for (const side of ['client', 'server']) {
      for (const { value } of signaling[side]?.valid ?? []) expect(rowOf(value.type)).toBeDefined();
    }
    const bridge = readVectors('bridge-message.json') as Record<string, { valid?: { value: { type: string } }[] }>;
    const text = page.slice(page.indexOf('## Between a tab and its worker'));
    for (const { valid } of Object.values(bridge)) {
      for (const { value } of valid ?? []) expect(text).toContain(`\`${value.type}\``);
    }
  });

  it.each([
    { marker: 'manifest.json, start', file: 'manifest.json', vector: 0 },
    { marker: 'pointer.json, whole', file: 'pointer.json', vector: 0 },
    { marker: 'peer-message.json, hello with two packs, numbers 0 and 1', file: 'peer-message.json', vector: 1 },
  ])('shows the bytes of the vector: $marker', ({ marker, file, vector }) => {
    const layout = (readVectors(file) as BytesVectors).valid[vector]?.layout ?? [];
    const whole = Buffer.from(bytesOf(layout)).toString('hex');
    const shown = exampleHex(marker);
    expect(shown).toMatch(/^[0-9a-f]{64,}$/);
    expect(marker.endsWith('start') ? whole.slice(0, shown.length) : whole).toBe(shown);
  });
});

/** The first words of the lines of the code block behind a comment that names the example. */
function exampleHex(marker: string): string {
  const block = page.split(`<!-- example: ${marker} -->\n\`\`\`\n`)[1]?.split('\n```')[0] ?? '';
  return block
    .split('\n')
    .map((line) => line.split(' ')[0])
    .join('');
}
