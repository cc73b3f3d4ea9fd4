/**
 * simple-peer's browser build; the package's main entry needs Node polyfills under Vite. Declared here and not by
 * `@types/simple-peer`, which brings all of Node's types into every zone that sees it. Only what Tabseed uses.
 */
declare module 'simple-peer/simplepeer.min.js' {
  export interface SimplePeerOptions {
    initiator?: boolean;
    channelName?: string;
    channelConfig?: RTCDataChannelInit;
    /** Always pass it: the built-in default contacts public STUN servers. */
    config: RTCConfiguration;
    trickle?: boolean;
    allowHalfTrickle?: boolean;
    /** Keeps message boundaries; text then arrives as a string. */
    objectMode?: boolean;
    /** Another implementation of WebRTC, such as `@roamhq/wrtc` in Node. */
    wrtc?: object;
  }

  export interface SimplePeerEvents {
    signal: [signal: unknown];
    connect: [];
    /** A string only in object mode. */
    data: [data: Uint8Array | string];
    close: [];
    error: [error: Error];
  }

  export default class SimplePeer {
    static readonly WEBRTC_SUPPORT: boolean;
    constructor(options: SimplePeerOptions);
    readonly connected: boolean;
    readonly destroyed: boolean;
    readonly bufferSize: number;
    signal(signal: unknown): void;
    /** Past the stream's own queue, which falls back to a poll of 150 ms. */
    send(data: string | ArrayBuffer | ArrayBufferView): void;
    destroy(error?: Error): void;
    on<Name extends keyof SimplePeerEvents>(name: Name, listener: (...event: SimplePeerEvents[Name]) => void): this;
    once<Name extends keyof SimplePeerEvents>(name: Name, listener: (...event: SimplePeerEvents[Name]) => void): this;
    off<Name extends keyof SimplePeerEvents>(name: Name, listener: (...event: SimplePeerEvents[Name]) => void): this;
    removeAllListeners(name?: keyof SimplePeerEvents): this;
  }
}

declare module 'workbox-window/build/workbox-window.prod.mjs' {
  export { Workbox } from 'workbox-window';
}
