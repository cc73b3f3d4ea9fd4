import { installTabseed } from './index.ts';

/**
 * The script at the root of a published app, whose first line the publisher writes. A worker of the app's own that has
 * no bundler gets it with `importScripts`.
 */
declare const self: ServiceWorkerGlobalScope;

installTabseed(self);
