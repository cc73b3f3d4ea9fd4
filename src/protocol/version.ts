/**
 * Version of everything in this folder: peer wire, signaling, bridge, manifest and pointer change together.
 *
 * History:
 * - 1: first public protocol.
 */
export const PROTOCOL_VERSION = 1;
