/** What Tabseed needs of a page's Content-Security-Policy (W3C CSP Level 3). */

interface Need {
  readonly directive: string;
  /** Asked in this order; the first that the policy has decides. */
  readonly fallbacks: readonly string[];
  readonly what: string;
}

const CONNECT_FALLBACKS = ['connect-src', 'default-src'];
const NEEDS: readonly Need[] = [
  { directive: 'script-src', fallbacks: ['script-src-elem', 'script-src', 'default-src'], what: 'the client script' },
  {
    directive: 'worker-src',
    fallbacks: ['worker-src', 'child-src', 'script-src', 'default-src'],
    what: 'the service worker',
  },
  { directive: 'connect-src', fallbacks: CONNECT_FALLBACKS, what: 'the signaling server and packs' },
];

/**
 * Says what a Content-Security-Policy header or meta tag forbids; empty when nothing.
 *
 * @param signal the signaling server, where it is on a host of its own
 */
export function policyProblems(value: string, signal: URL | undefined): string[] {
  return value.split(',').flatMap((policy) => {
    const directives = parseDirectives(policy);
    const problems = NEEDS.flatMap(({ directive, fallbacks, what }) => {
      const sources = sourcesOf(directives, fallbacks);
      if (sources === undefined || allowsOwnOrigin(sources, directive === 'script-src')) return [];
      return [`add 'self' to ${directive} for ${what}`];
    });
    const connect = sourcesOf(directives, CONNECT_FALLBACKS);
    if (signal !== undefined && connect !== undefined && !connect.some((source) => allowsServer(source, signal))) {
      problems.push(`add ${webSocketProtocol(signal)}//${signal.host} to connect-src for the signaling server`);
    }
    return problems;
  });
}

function sourcesOf(directives: Map<string, string[]>, fallbacks: readonly string[]): string[] | undefined {
  const name = fallbacks.find((fallback) => directives.has(fallback));
  return name === undefined ? undefined : directives.get(name);
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

const HOST_SOURCE = /^(?<scheme>wss?):\/\/(?<host>[^/:]+)(?::(?<port>\d+|\*))?(?<path>\/.*)?$/;

/** A host without a scheme, or with https:, allows no WebSocket: only its own scheme does, and ws: allows wss: too. */
function allowsServer(source: string, signal: URL): boolean {
  const protocol = webSocketProtocol(signal);
  if (source === '*' || source === protocol || source === 'ws:') return true;
  const { scheme, host = '', port, path = '/' } = HOST_SOURCE.exec(source)?.groups ?? {};
  if (scheme === undefined || (scheme === 'wss' && protocol === 'ws:')) return false;
  const isHost = host.startsWith('*.') ? signal.hostname.endsWith(host.slice(1)) : host === signal.hostname;
  const isPort = port === '*' || (port === '443' || port === '80' ? '' : (port ?? '')) === signal.port;
  // Directives are compared in lower case.
  const pathname = signal.pathname.toLowerCase();
  return isHost && isPort && (path.endsWith('/') ? pathname.startsWith(path) : pathname === path);
}

/** A signaling URL may also be given with http: or https:. */
function webSocketProtocol({ protocol }: URL): string {
  return protocol.replace('http', 'ws');
}
