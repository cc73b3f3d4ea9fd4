#!/usr/bin/env node
import { createProgram, runProgram } from './exit.ts';
import { registerKeygen } from './keygen.ts';
import { registerPublish } from './publish.ts';
import { registerRefresh } from './refresh.ts';
import { registerRetire } from './retire.ts';
import { registerRollback } from './rollback.ts';
import { registerSeed } from './seed.ts';
import { registerServe } from './serve.ts';
import { registerSignal } from './signal.ts';
import { registerStatus } from './status.ts';
import { registerVerify } from './verify.ts';

const program = createProgram();
registerKeygen(program);
registerPublish(program);
registerRefresh(program);
registerRetire(program);
registerRollback(program);
registerSeed(program);
registerServe(program);
registerSignal(program);
registerStatus(program);
registerVerify(program);
process.exitCode = await runProgram(program, process.argv.slice(2));
