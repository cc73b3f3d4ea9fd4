/** Whether a Content-Security-Policy (W3C CSP Level 3) lets a page open a WebSocket. */
export function allowsSocket(policies: string, page: URL, socket: URL): boolean {
  return policies.split(',').every((policy) => {
    const directives = new Map<string, string[]>();
    for (const part of policy.split(';')) {
      const [name = '', ...sources] = part.trim().toLowerCase().split(/\s+/);
      // The first of two equal directives counts.
      if (!directives.has(name)) directives.set(name, sources);
    }
    const sources = directives.get('connect-src') ?? directives.get('default-src');
    return sources === undefined || sources.some((source) => matches(source, page, socket));
  });
}

function matches(source: string, page: URL, socket: URL): boolean {
  if (source === '*') return true;
  if (source === "'self'") return socket.host === page.host;
  if (/^[a-z][a-z0-9+.-]*:$/.test(source))
    return source === socket.protocol || (source === 'ws:' && socket.protocol === 'wss:');
  const [, scheme, host = '', port] =
    /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/:]+)(?::(\d+|\*))?(?:\/.*)?$/.exec(source) ?? [];
  if (scheme !== undefined && !matches(`${scheme}:`, page, socket)) return false;
  const isHost = host.startsWith('*.') ? socket.hostname.endsWith(host.slice(1)) : host === socket.hostname;
  const defaultPort = socket.protocol === 'wss:' ? '443' : '80';
  return isHost && (port === '*' || (port ?? defaultPort) === (socket.port === '' ? defaultPort : socket.port));
}
