/**
 * The ordinary web origin of a published folder: what a static host or CDN does in production, for development, for
 * small sites and for tests.
 *
 * @packageDocumentation
 */
export type { ObservedResponse } from './observed-response.ts';
export { createOriginServer, type OriginServerOptions } from './server.ts';
