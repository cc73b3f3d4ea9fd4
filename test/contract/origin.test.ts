import type { RequestListener, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { engineOrigin } from '../../src/platform/engine-origin.ts';
import { httpOrigin } from '../../src/platform/http-origin.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { ScriptedOrigin } from '../fakes/scripted-origin.ts';
import { serve } from '../stage/listening-server.ts';
import { equal } from './contract.ts';
import { FILE, FILE_BYTES, originContract, PACK, PACK_BYTES, readAll } from './origin-contract.ts';

function rangeOf(header: string | undefined): [number, number] {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(header ?? '') ?? [];
  return [Number(first), Number(last)];
}

const serveRelease: RequestListener = (request, response) => {
  if (request.url === `/app/tabseed/pack-${PACK}.bin`) {
    const [first, last] = rangeOf(request.headers.range);
    expect(request.headers['accept-encoding']).toMatch(/^identity(, identity)?$/);
    response.writeHead(206, { 'Content-Range': `bytes ${first}-${last}/${PACK_BYTES.length}` });
    response.end(PACK_BYTES.subarray(first, last + 1));
  } else if (request.url === '/app/dir/a%20b.js') {
    response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(FILE_BYTES));
  } else {
    response.writeHead(404).end('nothing here');
  }
};

describe('the scripted origin', () => {
  it.each(originContract)('$name', async ({ run }) => {
    const origin = new ScriptedOrigin({ clock: systemClock(), latencyMs: 1, bytesPerSecond: 100_000_000 });
    origin.packs.set(PACK, PACK_BYTES);
    origin.files.set(FILE, FILE_BYTES);
    const fallSilent = () => {
      origin.script = () => 'silence';
    };
    await run({ origin, fallSilent });
  });
});

describe('the HTTP origin', () => {
  it.each(originContract)('$name', async ({ run }) => {
    let isSilent = false;
    const base = await serve((request, response) => {
      if (!isSilent) serveRelease(request, response);
    });
    const fallSilent = () => {
      isSilent = true;
    };
    await run({ origin: httpOrigin({ base, fetch }), fallSilent });
  });

  const wrongAnswers: [string, string, (response: ServerResponse) => void][] = [
    ['the whole file', 'origin-range', (response) => response.writeHead(200).end(PACK_BYTES)],
    ['an HTML page', 'origin-range', (response) => response.writeHead(200).end('<!doctype html>')],
    ['an empty success', 'origin-range', (response) => response.writeHead(204).end()],
    [
      'another range',
      'origin-range',
      (response) => response.writeHead(206, { 'Content-Range': 'bytes 0-98/300000' }).end(PACK_BYTES.subarray(0, 99)),
    ],
    ['no Content-Range', 'origin-range', (response) => response.writeHead(206).end(PACK_BYTES.subarray(0, 100))],
    [
      'a compressed range',
      'origin-range',
      (response) =>
        response
          .writeHead(206, { 'Content-Range': 'bytes 0-99/300000', 'Content-Encoding': 'gzip' })
          .end(gzipSync(PACK_BYTES.subarray(0, 100))),
    ],
    [
      'a body that is too short',
      'origin-length',
      (response) => response.writeHead(206, { 'Content-Range': 'bytes 0-99/300000' }).end(PACK_BYTES.subarray(0, 99)),
    ],
    [
      'a body that is too long',
      'origin-length',
      (response) => response.writeHead(206, { 'Content-Range': 'bytes 0-99/300000' }).end(PACK_BYTES.subarray(0, 101)),
    ],
    ['503', 'origin-status', (response) => response.writeHead(503).end()],
    ['416', 'origin-status', (response) => response.writeHead(416).end()],
    ['a connection that breaks', 'origin-unreachable', (response) => response.destroy()],
  ];

  it.each(wrongAnswers)('refuses %s for a range as %s', async (_name, code, answer) => {
    const base = await serve((_request, response) => answer(response));
    await expect(readAll(httpOrigin({ base, fetch }).readPack(PACK, 0, 100))).rejects.toMatchObject({ code });
  });

  it('refuses a redirect to another origin and follows one within its own', async () => {
    const other = await serve(serveRelease);
    const base = await serve((request, response) => {
      if (request.url === '/app/moved.js') response.writeHead(302, { Location: '/app/dir/a%20b.js' }).end();
      else if (request.url === '/app/away.js') response.writeHead(302, { Location: `${other}dir/a%20b.js` }).end();
      else serveRelease(request, response);
    });
    const origin = httpOrigin({ base, fetch });
    equal(await readAll(origin.readFile('moved.js')), FILE_BYTES);
    await expect(readAll(origin.readFile('away.js'))).rejects.toMatchObject({ code: 'origin-status' });
  });

  it('refuses a plain file that is worth it only compressed, unless it is', async () => {
    const base = await serve((request, response) => {
      const headers = request.url === '/app/plain.js' ? {} : { 'Content-Encoding': 'gzip' };
      response.writeHead(200, headers).end(request.url === '/app/plain.js' ? FILE_BYTES : gzipSync(FILE_BYTES));
    });
    const origin = engineOrigin({ base, fetch });
    equal(await readAll(origin.readFile('packed.js', true)), FILE_BYTES);
    equal(await readAll(origin.readFile('plain.js')), FILE_BYTES);
    await expect(readAll(origin.readFile('plain.js', true))).rejects.toMatchObject({ code: 'origin-uncompressed' });
  });

  it('hangs up on a 200 instead of reading the whole pack', async () => {
    let hangUp: () => void = () => undefined;
    const hungUp = new Promise<void>((resolve) => {
      hangUp = resolve;
    });
    const base = await serve((_request, response) => {
      response.on('close', hangUp);
      response.writeHead(200).write(PACK_BYTES);
    });
    await expect(readAll(httpOrigin({ base, fetch }).readPack(PACK, 0, 100))).rejects.toMatchObject({
      code: 'origin-range',
    });
    await hungUp;
  });

  it('says origin-unreachable when nobody listens, and that trying again may help', async () => {
    const source = httpOrigin({ base: 'http://127.0.0.1:9/', fetch }).readFile('index.html');
    const error: unknown = await source.next().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'origin-unreachable' });
    expect((error as { shouldRetry(): boolean }).shouldRetry()).toBe(true);
  });
});
