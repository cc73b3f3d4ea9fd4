/**
 * What crosses a boundary in Tabseed: formats of files and messages, their limits, and decoders that are the only gate
 * for bytes from outside. Described in PROTOCOL.md.
 *
 * @packageDocumentation
 */
export * from './bridge-message.ts';
export * from './bytes.ts';
export * from './encoding.ts';
export * from './errors.ts';
export * from './identifier.ts';
export * from './layout.ts';
export * as limits from './limits.ts';
export * from './manifest.ts';
export * from './peer-message.ts';
export * from './pointer.ts';
export * from './release-path.ts';
export * from './room.ts';
export * from './signal-message.ts';
export * from './traffic.ts';
export * from './version.ts';
export * from './worker-config.ts';
