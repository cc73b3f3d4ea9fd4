import { loadDialer, type RtcLibrary } from '../../src/node/rtc-library.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { connectDialers } from './connect-dialers.ts';
import { linkContract } from './link-contract.ts';

/** A process that runs cases of the link contract by name, for the caller's and the called end's library. */
export type CaseResult = { readonly error?: string };

const clock = systemClock();
const [left, right] = await Promise.all(process.argv.slice(2, 4).map((name) => loadDialer(name as RtcLibrary, clock)));
if (left === undefined || right === undefined) throw new Error('two libraries are needed');

process.on('message', (name: string) => {
  const found = linkContract.find((contractCase) => contractCase.name === name);
  const report = (result: CaseResult) => process.send?.(result);
  void (
    found?.run({ connect: () => connectDialers(left, right) }) ?? Promise.reject(new Error(`no case ${name}`))
  ).then(
    () => report({}),
    (error: unknown) => report({ error: error instanceof Error ? error.message : String(error) }),
  );
});
