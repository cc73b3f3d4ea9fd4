import { decodeWorkerConfig } from '../protocol/worker-config.ts';
import { installTabseed } from './index.ts';

/** The script at the root of a published app: the publisher writes `self.__tabseed` as its first line. */
declare const self: ServiceWorkerGlobalScope & { readonly __tabseed?: unknown };

installTabseed(self, decodeWorkerConfig(self.__tabseed));
