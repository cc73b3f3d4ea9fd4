import { describe, expect, it } from 'vitest';
import { policyProblems } from '../../../src/publisher/security-policy.ts';

describe('a Content-Security-Policy', () => {
  it.each([
    "default-src 'self'",
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src *",
    'default-src https:',
    'img-src https://x.test',
    '',
  ])('that says %j is no problem', (policy) => {
    expect(policyProblems(policy, undefined)).toEqual([]);
  });

  it.each([
    ["default-src 'none'", ['script-src', 'worker-src', 'connect-src']],
    ["default-src 'self'; script-src 'nonce-abc'", ['script-src', 'worker-src']],
    ["default-src 'self'; script-src 'self' 'strict-dynamic' 'nonce-abc'", ['script-src']],
    ["default-src 'self'; worker-src blob:", ['worker-src']],
    ["Default-Src 'SELF'; Connect-Src https://api.test", ['connect-src']],
    ["default-src 'self', connect-src 'none'", ['connect-src']],
  ])('that says %j stops %j', (policy, directives) => {
    expect(policyProblems(policy, undefined).map((problem) => /to (\S+) for/.exec(problem)?.[1])).toEqual(directives);
  });

  const server = new URL('wss://signal.example.org/tabseed/signal');

  it.each([
    "default-src 'self'; connect-src 'self' wss://signal.example.org",
    "connect-src 'self' wss://*.example.org/tabseed/",
    "connect-src 'self' wss://signal.example.org:443/tabseed/signal",
    "connect-src 'self' ws:",
    "connect-src 'self' wss:",
    'connect-src *',
    "script-src 'self'",
  ])('that says %j lets pages reach a signaling server on another host', (policy) => {
    expect(policyProblems(policy, server)).toEqual([]);
  });

  it.each([
    "default-src 'self'",
    "connect-src 'self' wss://signal.example.com",
    "connect-src 'self' https://signal.example.org",
    "connect-src 'self' signal.example.org",
    "connect-src 'self' wss://signal.example.org:8443",
    "connect-src 'self' wss://signal.example.org/other",
    "connect-src 'self' wss://*.signal.example.org",
  ])('that says %j does not', (policy) => {
    expect(policyProblems(policy, server)).toEqual([
      'add wss://signal.example.org to connect-src for the signaling server',
    ]);
  });
});
