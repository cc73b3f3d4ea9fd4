const MESSAGE_BYTES = 64 * 1024;
const HIGH_WATER_BYTES = 1024 * 1024;
const LOW_WATER_BYTES = 256 * 1024;
/** Chunks a transaction, as Tabseed's store writes them. */
const BATCH = 64;
const STORE = 'chunks';

/** One browser of a ring, in a page: sends to the next one, receives from the one before. */
class RingPage {
  #toNext: RTCPeerConnection | undefined;
  #out: RTCDataChannel | undefined;
  #in: Promise<RTCDataChannel> | undefined;
  #database: Promise<IDBDatabase> | undefined;
  /** Resolves when everything that was expected has come. */
  #received: Promise<void> = Promise.resolve();

  async offer(): Promise<string> {
    this.#toNext = new RTCPeerConnection();
    this.#out = this.#toNext.createDataChannel('ring');
    this.#out.bufferedAmountLowThreshold = LOW_WATER_BYTES;
    return describe(this.#toNext, await this.#toNext.createOffer());
  }

  async answer(offer: string): Promise<string> {
    const connection = new RTCPeerConnection();
    this.#in = new Promise((resolve) => {
      connection.addEventListener('datachannel', ({ channel }) => {
        channel.binaryType = 'arraybuffer';
        resolve(channel);
      });
    });
    await connection.setRemoteDescription({ type: 'offer', sdp: offer });
    return describe(connection, await connection.createAnswer());
  }

  async accept(answer: string): Promise<void> {
    await this.#toNext?.setRemoteDescription({ type: 'answer', sdp: answer });
    const channel = this.#out;
    if (channel?.readyState === 'open') return;
    await new Promise((resolve) => channel?.addEventListener('open', resolve, { once: true }));
  }

  /** For what is kept: a database, and a worker that hands on what it is given. */
  async prepareToKeep(): Promise<void> {
    this.#database = new Promise((resolve, reject) => {
      const opening = indexedDB.open('ring', 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error ?? new Error('no database'));
    });
    const controlled = new Promise((resolve) => {
      navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true });
    });
    await navigator.serviceWorker.register('worker.js');
    if (navigator.serviceWorker.controller === null) await controlled;
  }

  async send(bytes: number): Promise<void> {
    const channel = this.#out;
    if (channel === undefined) throw new Error('not connected');
    const message = crypto.getRandomValues(new Uint8Array(MESSAGE_BYTES));
    for (let sent = 0; sent < bytes; sent += MESSAGE_BYTES) {
      if (channel.bufferedAmount >= HIGH_WATER_BYTES) {
        await new Promise((resolve) => channel.addEventListener('bufferedamountlow', resolve, { once: true }));
      }
      channel.send(message);
    }
  }

  /** Resolves when it is ready for so many bytes: what comes before that is lost. */
  async expect(bytes: number, isKept: boolean): Promise<void> {
    const channel = await this.#in;
    if (channel === undefined) throw new Error('not connected');
    this.#received = isKept ? (await this.#keep(channel, bytes))() : receive(channel, bytes);
  }

  get received(): Promise<void> {
    return this.#received;
  }

  /** Also hashes each message, writes it to IndexedDB, and reads the whole through the worker, as a page would. */
  async #keep(channel: RTCDataChannel, bytes: number): Promise<() => Promise<void>> {
    const database = await this.#database;
    const { controller } = navigator.serviceWorker;
    if (database === undefined || controller === null) throw new Error('not prepared to keep');
    const reading = readAll((await fetch('file')).body);
    const writes: Promise<void>[] = [];
    let batch: [string, ArrayBuffer][] = [];
    let hashing: Promise<unknown> = Promise.resolve();
    let count = 0;
    const flush = (): void => {
      writes.push(write(database, batch));
      for (const [, message] of batch) controller.postMessage(message, [message]);
      batch = [];
    };
    const receiving = receive(channel, bytes, (message) => {
      const digest = crypto.subtle.digest('SHA-256', message);
      // In order, as a page reads a file.
      hashing = hashing.then(async () => {
        const key = new Uint8Array(await digest).join();
        count += 1;
        batch.push([`${count} ${key}`, message]);
        if (batch.length === BATCH) flush();
      });
    });
    return async () => {
      await receiving;
      await hashing;
      flush();
      controller.postMessage('end');
      const read = await reading;
      if (read < bytes) throw new Error(`read ${read} of ${bytes} bytes`);
      await Promise.all(writes);
    };
  }
}

function receive(
  channel: RTCDataChannel,
  bytes: number,
  onMessage: (message: ArrayBuffer) => void = () => undefined,
): Promise<void> {
  let received = 0;
  return new Promise((resolve) => {
    channel.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer>) => {
      received += data.byteLength;
      onMessage(data);
      if (received >= bytes) resolve();
    });
  });
}

async function describe(connection: RTCPeerConnection, description: RTCSessionDescriptionInit): Promise<string> {
  await connection.setLocalDescription(description);
  if (connection.iceGatheringState !== 'complete') {
    await new Promise<void>((resolve) => {
      connection.addEventListener('icegatheringstatechange', () => {
        if (connection.iceGatheringState === 'complete') resolve();
      });
    });
  }
  return connection.localDescription?.sdp ?? '';
}

async function readAll(body: ReadableStream<Uint8Array> | null): Promise<number> {
  let length = 0;
  const reader = body?.getReader();
  for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) length += part.value.length;
  return length;
}

function write(database: IDBDatabase, entries: readonly [string, ArrayBuffer][]): Promise<void> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(STORE, 'readwrite', { durability: 'relaxed' });
    // The values are copied here and now: the buffers may be given away afterwards.
    for (const [key, value] of entries) transaction.objectStore(STORE).put(value, key);
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error('not written'));
  });
}

declare global {
  var ring: RingPage;
}

globalThis.ring = new RingPage();
