import { build, type Rolldown } from 'vite';

/** One script for a browser, made of a TypeScript file and what it imports. */
export async function bundle(entry: string): Promise<string> {
  const [made] = (await build({
    configFile: false,
    logLevel: 'error',
    define: { 'process.env.NODE_ENV': '"production"' },
    build: { write: false, lib: { entry, formats: ['es'] } },
  })) as Rolldown.RolldownOutput[];
  const code = made?.output[0].code;
  if (code === undefined) throw new Error(`${entry} made no script`);
  return code;
}
