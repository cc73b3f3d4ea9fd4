#!/usr/bin/env node
import { createProgram, runProgram } from './exit.ts';
import { registerKeygen } from './keygen.ts';
import { registerPublish } from './publish.ts';
import { registerRetire } from './retire.ts';
import { registerSeed } from './seed.ts';
import { registerServe } from './serve.ts';
import { registerSignal } from './signal.ts';
import { registerVerify } from './verify.ts';

const program = createProgram();
registerKeygen(program);
registerPublish(program);
registerRetire(program);
registerSeed(program);
registerServe(program);
registerSignal(program);
registerVerify(program);
process.exitCode = await runProgram(program, process.argv.slice(2));
