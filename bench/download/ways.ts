import { type Tracker, webtorrentBundle } from '../rivals/rivals.ts';
import { torrentFile } from '../rivals/torrent-file.ts';
import { readFileIn } from './read-file.ts';
import { FILE, type Venue } from './venue.ts';
import type { Way } from './way.ts';

const LIBRARY_PATH = '/bench-webtorrent.js';
const TORRENT_PATH = '/bench.torrent';

interface Torrent {
  on(event: 'done' | 'error', listener: (error?: Error) => void): void;
}

interface TorrentClient {
  add(torrent: Uint8Array, onAdded: (torrent: Torrent) => void): void;
}

declare global {
  var torrentClient: TorrentClient;
  var torrentOfFile: Uint8Array;
}

export function plainHttp({ stage, bytes }: Venue): Way {
  return {
    url: stage.blankUrl,
    prepare: () => Promise.resolve(),
    download: (page) => readFileIn(page, bytes, true),
  };
}

export function tabseedWay({ stage, bytes }: Venue): Way {
  return {
    url: stage.url,
    prepare: (page) => page.evaluate(() => tabseed.ready),
    download: (page) => readFileIn(page, bytes, false),
  };
}

/** WebTorrent as it is published: its own defaults, but for STUN servers, which nobody needs on one machine. */
export async function webtorrentWay({ stage, scripts, content }: Venue, tracker: Tracker): Promise<Way> {
  scripts.add(LIBRARY_PATH, await webtorrentBundle());
  const webSeed = `${stage.url}/${FILE}`;
  scripts.add(TORRENT_PATH, torrentFile({ name: FILE, content, tracker: tracker.url, webSeed }));
  // A text, as it imports what only the browser can load.
  const prepare = `(async () => {
    const { default: WebTorrent } = await import('${LIBRARY_PATH}');
    globalThis.torrentOfFile = new Uint8Array(await (await fetch('${TORRENT_PATH}')).arrayBuffer());
    globalThis.torrentClient = new WebTorrent({ dht: false, tracker: { rtcConfig: { iceServers: [] } } });
  })()`;
  return {
    url: stage.blankUrl,
    prepare: (page) => page.evaluate(prepare),
    download: (page) =>
      page.evaluate(
        () =>
          new Promise<void>((resolve, reject) => {
            torrentClient.add(torrentOfFile, (torrent) => {
              torrent.on('done', () => resolve());
              torrent.on('error', reject);
            });
          }),
      ),
  };
}
