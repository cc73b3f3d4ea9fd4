import type { IncomingMessage, ServerResponse } from 'node:http';

/** One answered request, for logs and for counting what the origin sent. */
export interface ObservedResponse {
  readonly method: string;
  /** URL path without query, as it came. */
  readonly path: string;
  readonly status: number;
  /** Body bytes as sent (compressed if they were); of a response that was cut, those handed to the socket. */
  readonly bytes: number;
  /** The Range header of the request. */
  readonly range: string | undefined;
  /** False when the connection ended before the response did. */
  readonly complete: boolean;
}

/** Calls `onResponse` when a response has ended, however it did. */
export function observeResponse(
  request: IncomingMessage,
  response: ServerResponse,
  onResponse: (observed: ObservedResponse) => void,
): void {
  const { range } = request.headers;
  let bytes = 0;
  const count = (chunk: unknown) => {
    if (request.method === 'HEAD') return;
    if (typeof chunk === 'string') bytes += Buffer.byteLength(chunk);
    else if (chunk instanceof Uint8Array) bytes += chunk.length;
  };
  // Node has no event for body bytes, and `socket.bytesWritten` counts headers too.
  const write = response.write.bind(response) as (...parameters: unknown[]) => boolean;
  const end = response.end.bind(response) as (...parameters: unknown[]) => ServerResponse;
  response.write = (...parameters: unknown[]) => {
    count(parameters[0]);
    return write(...parameters);
  };
  response.end = (...parameters: unknown[]) => {
    count(parameters[0]);
    return end(...parameters);
  };
  response.once('close', () => {
    onResponse({
      method: request.method ?? '',
      path: (request.url ?? '').split('?', 1)[0] ?? '',
      status: response.statusCode,
      bytes,
      range,
      complete: response.writableFinished,
    });
  });
}
