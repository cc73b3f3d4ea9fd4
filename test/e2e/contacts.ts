import type { BrowserContext, Page } from 'playwright';

/** Whom a browser context contacted: hosts over HTTP and WebSocket as Chromium's DevTools protocol tells of them. */
export interface Contacts {
  readonly hosts: Set<string>;
  readonly sockets: string[];
}

/** Listens before any page opens; pages count their own RTCPeerConnections, see `connectionsOf`. */
export async function watchContacts(context: BrowserContext): Promise<Contacts> {
  const contacts: Contacts = { hosts: new Set(), sockets: [] };
  context.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol.startsWith('http')) contacts.hosts.add(host);
  });
  context.on('page', (page) => {
    page.on('websocket', (socket) => {
      contacts.sockets.push(socket.url());
      contacts.hosts.add(new URL(socket.url()).host);
    });
  });
  await context.addInitScript(() => {
    const made: { connection: RTCPeerConnection; config: RTCConfiguration | undefined }[] = [];
    Object.assign(globalThis, {
      madeConnections: made,
      RTCPeerConnection: new Proxy(RTCPeerConnection, {
        construct(target, [config]: [RTCConfiguration | undefined]) {
          const connection = new target(config);
          made.push({ connection, config });
          return connection;
        },
      }),
    });
  });
  return contacts;
}

/** Each RTCPeerConnection that the page has constructed: whether it is closed, and the ICE servers that it was given. */
export function connectionsOf(page: Page): Promise<{ closed: boolean; iceServers: unknown }[]> {
  return page.evaluate(() => {
    const { madeConnections } = globalThis as unknown as {
      madeConnections: { connection: RTCPeerConnection; config: RTCConfiguration | undefined }[];
    };
    return madeConnections.map(({ connection, config }) => ({
      closed: connection.connectionState === 'closed',
      iceServers: config?.iceServers,
    }));
  });
}
