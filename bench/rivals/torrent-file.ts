import { createHash } from 'node:crypto';

type Bencoded = number | string | Buffer | readonly Bencoded[] | { readonly [key: string]: Bencoded };

/** About as many pieces as torrent makers aim at. */
const PIECES = 1024;

export interface TorrentOptions {
  readonly name: string;
  readonly content: Buffer;
  readonly tracker: string;
  readonly webSeed: string;
}

/** A .torrent file for one file with a web seed (BEP 3, BEP 19). */
export function torrentFile({ name, content, tracker, webSeed }: TorrentOptions): Buffer {
  const pieceBytes = 2 ** Math.max(14, Math.round(Math.log2(content.length / PIECES)));
  const pieces: Buffer[] = [];
  for (let at = 0; at < content.length; at += pieceBytes) {
    pieces.push(
      createHash('sha1')
        .update(content.subarray(at, at + pieceBytes))
        .digest(),
    );
  }
  const info = { length: content.length, name, 'piece length': pieceBytes, pieces: Buffer.concat(pieces) };
  return bencode({ announce: tracker, 'announce-list': [[tracker]], info, 'url-list': [webSeed] });
}

function bencode(value: Bencoded): Buffer {
  if (typeof value === 'number') return Buffer.from(`i${value}e`);
  if (typeof value === 'string') return bencode(Buffer.from(value));
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from(`${value.length}:`), value]);
  if (isList(value)) return Buffer.concat([Buffer.from('l'), ...value.map(bencode), Buffer.from('e')]);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat([
    Buffer.from('d'),
    ...entries.flatMap(([key, item]) => [bencode(key), bencode(item)]),
    Buffer.from('e'),
  ]);
}

function isList(value: Bencoded): value is readonly Bencoded[] {
  return Array.isArray(value);
}
