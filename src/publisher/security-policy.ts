/** What Tabseed needs of a page's Content-Security-Policy (W3C CSP Level 3). */

interface Need {
  readonly directive: string;
  /** Asked in this order; the first that the policy has decides. */
  readonly fallbacks: readonly string[];
  readonly what: string;
}

const NEEDS: readonly Need[] = [
  { directive: 'script-src', fallbacks: ['script-src-elem', 'script-src', 'default-src'], what: 'the client script' },
  {
    directive: 'worker-src',
    fallbacks: ['worker-src', 'child-src', 'script-src', 'default-src'],
    what: 'the service worker',
  },
  { directive: 'connect-src', fallbacks: ['connect-src', 'default-src'], what: 'the signaling server and packs' },
];

/** Says what a Content-Security-Policy header or meta tag forbids; empty when nothing. */
export function policyProblems(value: string): string[] {
  return value.split(',').flatMap((policy) => {
    const directives = parseDirectives(policy);
    return NEEDS.flatMap(({ directive, fallbacks, what }) => {
      const name = fallbacks.find((fallback) => directives.has(fallback));
      const sources = name === undefined ? undefined : directives.get(name);
      if (sources === undefined || allowsOwnOrigin(sources, directive === 'script-src')) return [];
      return [`add 'self' to ${directive} for ${what}`];
    });
  });
}

function parseDirectives(policy: string): Map<string, string[]> {
  const directives = new Map<string, string[]>();
  for (const part of policy.split(';')) {
    const [name, ...sources] = part.trim().toLowerCase().split(/\s+/);
    // The first of two equal directives counts, says the standard.
    if (name !== undefined && name !== '' && !directives.has(name)) directives.set(name, sources);
  }
  return directives;
}

function allowsOwnOrigin(sources: readonly string[], isScript: boolean): boolean {
  // With 'strict-dynamic' only a nonce or hash lets a script tag of the page run.
  if (isScript && sources.includes("'strict-dynamic'")) return false;
  return sources.some((source) => ["'self'", '*', 'https:', 'http:'].includes(source));
}
