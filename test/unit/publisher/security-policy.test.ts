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
    expect(policyProblems(policy)).toEqual([]);
  });

  it.each([
    ["default-src 'none'", ['script-src', 'worker-src', 'connect-src']],
    ["default-src 'self'; script-src 'nonce-abc'", ['script-src', 'worker-src']],
    ["default-src 'self'; script-src 'self' 'strict-dynamic' 'nonce-abc'", ['script-src']],
    ["default-src 'self'; worker-src blob:", ['worker-src']],
    ["Default-Src 'SELF'; Connect-Src https://api.test", ['connect-src']],
    ["default-src 'self', connect-src 'none'", ['connect-src']],
  ])('that says %j stops %j', (policy, directives) => {
    expect(policyProblems(policy).map((problem) => /to (\S+) for/.exec(problem)?.[1])).toEqual(directives);
  });
});
