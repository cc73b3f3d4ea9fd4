import { describe, expect, it } from 'vitest';
import { PROMPT_MS, Promptness } from '../../../src/core/promptness.ts';

const MIB = 1024 * 1024;

describe('a peer that a page may wait for', () => {
  it('is any newcomer', () => {
    expect(new Promptness().isPrompt(0, 0, 0)).toBe(true);
  });

  it('has little to send before, by its measured rate', () => {
    const promptness = new Promptness();
    expect(promptness.isPrompt(200 * 1024, 0, 0)).toBe(true);
    expect(promptness.isPrompt(MIB, 0, 0)).toBe(false);
    expect(promptness.isPrompt(MIB, MIB / PROMPT_MS, 0)).toBe(true);
  });

  it('is not one that was late, for a minute', () => {
    const promptness = new Promptness();
    promptness.onRequest(0, true, 1000);
    promptness.onChunk(0, 1000 + PROMPT_MS + 1);
    expect(promptness.isPrompt(0, 0, 1020)).toBe(false);
    expect(promptness.isPrompt(0, 0, 62_000)).toBe(true);
  });

  it('is not one that let a request pass until it was cancelled', () => {
    const promptness = new Promptness();
    promptness.onRequest(0, true, 0);
    promptness.onCancel(0, PROMPT_MS);
    expect(promptness.isPrompt(0, 0, PROMPT_MS)).toBe(false);
  });

  it('is one whose request was cancelled before its time, or waited behind others', () => {
    const promptness = new Promptness();
    promptness.onRequest(0, true, 0);
    promptness.onCancel(0, PROMPT_MS - 1);
    promptness.onRequest(1, false, 0);
    promptness.onChunk(1, 500);
    expect(promptness.isPrompt(0, 0, 500)).toBe(true);
  });

  it('is one that was late and then answered something else at once', () => {
    const promptness = new Promptness();
    promptness.onRequest(0, true, 0);
    promptness.onChunk(0, 400);
    promptness.onRequest(1, true, 500);
    promptness.onChunk(1, 505);
    expect(promptness.isPrompt(0, 0, 505)).toBe(true);
  });
});
