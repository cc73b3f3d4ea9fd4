/** The prebundled browser build; the package's main entry needs Node polyfills under Vite. */
declare module 'simple-peer/simplepeer.min.js' {
  import SimplePeer from 'simple-peer';
  export default SimplePeer;
}

declare module '*.css';
