/**
 * The script of a page: the publisher puts it into each HTML file as `<scope>tabseed/client.js`. Registers the worker,
 * takes part in the election of the leader and offers `globalThis.tabseed`.
 *
 * @packageDocumentation
 */
import { startTabseed } from './start-tabseed.ts';

export type { PauseScope, Tabseed, TabseedEvents, TabseedRelease, TabseedStats, TabseedUpdate } from './api.ts';
export type { ConsentAnswer, ConsentState } from './consent-record.ts';
export { TabseedError, type TabseedErrorCode } from './errors.ts';

// An own property only: `<div id="tabseed">` makes an inherited one. A second copy of the script must not start a
// second client.
if (!Object.hasOwn(globalThis, 'tabseed')) globalThis.tabseed = startTabseed(new URL('..', import.meta.url));
