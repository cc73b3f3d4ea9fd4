/**
 * WebSocket URL of the signaling server that a manifest's settings name, absolute or relative to the scope.
 *
 * @throws TypeError when it is not a URL of HTTP or WebSocket.
 */
export function signalUrl(base: string, signal: string): string {
  const url = new URL(signal, base);
  if (url.protocol === 'http:') url.protocol = 'ws:';
  else if (url.protocol === 'https:') url.protocol = 'wss:';
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') throw new TypeError(`not a signaling URL: ${signal}`);
  url.hash = '';
  return url.href;
}
