/**
 * URL of the signaling server's WebSocket from a release's setting, absolute or relative to the scope; `undefined` when
 * it names none.
 */
export function signalUrl(signal: string, scope: string): string | undefined {
  if (signal === '' || !URL.canParse(signal, scope)) return undefined;
  const url = new URL(signal, scope);
  if (url.protocol === 'http:') url.protocol = 'ws:';
  if (url.protocol === 'https:') url.protocol = 'wss:';
  return url.protocol === 'ws:' || url.protocol === 'wss:' ? url.href : undefined;
}
