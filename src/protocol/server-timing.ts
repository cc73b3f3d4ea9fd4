/** The names under which a response of the worker says, in `Server-Timing`, what it came from and of which release it is. */
export const SOURCE_TIMING = 'tabseed';
export const RELEASE_TIMING = 'tabseed.r';
