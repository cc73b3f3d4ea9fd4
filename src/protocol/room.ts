import { ByteWriter } from './bytes.ts';
import { fromHex } from './hash-bytes.ts';
import type { Sha256 } from './identifier.ts';

/**
 * The bytes whose SHA-256 names the swarm on a signaling server. The keys are in it, so that a publisher who does not
 * own them cannot lure peers into a room of the same name.
 *
 * @param group In mode `group`: peers meet only those of the same group.
 */
export function roomBytes(
  app: string,
  channel: string,
  keys: readonly Sha256[],
  group?: string,
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter();
  // Another context, so that no group can be written that reads as one more key.
  if (group === undefined) writer.text('tabseed room');
  else writer.text('tabseed group').text(group);
  writer.text(app).text(channel);
  for (const key of [...keys].sort()) writer.bytes(fromHex(key));
  return writer.finish();
}
