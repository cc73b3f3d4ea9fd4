import { chmodSync, copyFileSync, rmSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { type BuildEnvironmentOptions, defineConfig, type Plugin } from 'vite';
import { leanSimplePeer } from './lean-simple-peer.ts';
import { SHORTENED_NAMES } from './worker-names.ts';

const BROWSER_TARGET = 'es2022';
const NODE_TARGET = 'node20.19';
const ENVIRONMENTS = ['page', 'boot', 'state', 'worker', 'node', 'lib', 'client'] as const;

type Entries = Record<string, string>;

const entries: Record<(typeof ENVIRONMENTS)[number], Entries> = {
  page: { client: 'src/client/index.ts' },
  boot: { boot: 'src/client/boot.ts' },
  state: { state: 'src/client/state/state-page.ts' },
  worker: { sw: 'src/sw/sw.ts' },
  node: {
    'cli/main': 'src/cli/main.ts',
    'node/index': 'src/node/index.ts',
    'node/engine-process': 'src/node/engine-process.ts',
    'signal-server/index': 'src/signal-server/index.ts',
    'publisher/index': 'src/publisher/index.ts',
    'protocol/index': 'src/protocol/index.ts',
    'demo/start': 'src/demo/start.ts',
  },
  lib: { 'client/index': 'src/client/index.ts', 'sw/index': 'src/sw/index.ts' },
  client: { index: 'index.html' },
};

/** npm packages and Node's own modules stay imports; everything of ours is bundled. */
function isPackage(id: string, _importer: string | undefined, isResolved: boolean): boolean {
  return !isResolved && (builtinModules.includes(id) || /^(?:node:|@?[a-z])/.test(id));
}

const TEXT = /`(?:[^`\\]|\\.)*`|'(?:[^'\\]|\\.)*'/.source;
/** `new StoreError('store-full', …`: the code stays. */
const MESSAGE_AFTER_CODE = new RegExp(`(new \\w+Error\\(\\s*'[\\w-]+',\\s*)(?:${TEXT}|[a-z]\\w*)`, 'g');
/** In the worker one is caught as `malformed`, as damage, or as silence, whatever its code. */
const CAUGHT_ERROR = new RegExp(
  `(new (?:Protocol|Integrity|Store)Error\\()\\s*'[\\w-]+',\\s*(?:${TEXT}|[a-z]\\w*)(?:, \\{ cause \\})?,?\\s*\\)`,
  'g',
);
const MESSAGE_ALONE = new RegExp(`((?:new \\w*Error|super)\\(\\s*)(?:${TEXT})(?=,?\\s*\\))`, 'g');
const EMPTY_MESSAGE = /(new \w+Error\(\s*'[\w-]+'),\s*''(?:, \{ cause \})?,?\s*\)/g;
/** Of a request with Range browsers say it themselves, and let no script say it. */
const NODE_HEADER = /, 'Accept-Encoding': 'identity'/;
const ERROR_NAME = /^ {2}override readonly name = '\w+';\n/gm;
/** What the engine alone calls of parts that both have. */
const UNCALLED_METHOD = /^ {2}(?:async |get )?(?:shouldRetry|pendingBytes|isAtEnd)\(.*\n(?: {4}.*\n)* {2}\}\n/gm;
const LOG_STATEMENT = /^ *this\.#(?:\w+\.)?log(?:\.debug\([^;]*\)| = ports\.log);$|, log: silentLog\(\)/gm;

/**
 * Leaves the worker's errors their class and code, and takes what nobody reads there: messages and names, since pages are
 * told the code, advice about another try, and the log that it is silent to. 1 KB of 14.5, gzip.
 */
const bareErrors: Plugin = {
  name: 'tabseed:bare-errors',
  // While the sources are still as they were written.
  enforce: 'pre',
  applyToEnvironment: (environment) => environment.name === 'worker',
  transform(code, id) {
    if (!id.includes('/src/')) return undefined;
    const call = /\.(?:shouldRetry|isAtEnd|pendingBytes)\b/.exec(code);
    if (call) this.error(`${id}: there is no ${call[0]} in the worker's build`);
    return code
      .replace(CAUGHT_ERROR, '$1)')
      .replace(MESSAGE_AFTER_CODE, "$1''")
      .replace(MESSAGE_ALONE, '$1')
      .replace(EMPTY_MESSAGE, '$1)')
      .replace(NODE_HEADER, '')
      .replace(ERROR_NAME, '')
      .replace(UNCALLED_METHOD, '')
      .replace(LOG_STATEMENT, '');
  },
};

const SHARED: BuildEnvironmentOptions = { emptyOutDir: false, copyPublicDir: false, reportCompressedSize: false };

export default defineConfig({
  // Relative, so that the demo and the page scripts work from any folder of a static host.
  base: './',
  plugins: [bareErrors, leanSimplePeer(['page', 'lib'])],
  environments: {
    // What `tabseed publish` copies into a release: lazily imported chunks lie beside client.js.
    page: {
      consumer: 'client',
      build: {
        ...SHARED,
        outDir: 'dist/page',
        target: BROWSER_TARGET,
        // Library mode leaves out Vite's preload helper, which would find the chunks through `document`.
        lib: { entry: entries.page, formats: ['es'] },
        rolldownOptions: {
          // Nobody imports from client.js but its own lazy chunks: what they share stays in it, one round trip less.
          preserveEntrySignatures: 'allow-extension',
          // Of limits, those that later chunks alone use would be exported from here by name: 0.2 KB.
          optimization: { inlineConst: true },
          // Library mode alone keeps the white space of ES modules.
          output: { minify: true, entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
        },
      },
    },
    // A classic script, which a page waits for; the hash lets browsers keep it.
    boot: {
      consumer: 'client',
      build: {
        ...SHARED,
        outDir: 'dist/page',
        target: BROWSER_TARGET,
        rolldownOptions: {
          input: entries.boot,
          output: { format: 'iife', minify: true, entryFileNames: '[name]-[hash].js', codeSplitting: false },
        },
      },
    },
    // The page at tabseed/state/; its HTML and CSS are copied.
    state: {
      consumer: 'client',
      build: {
        ...SHARED,
        outDir: 'dist/page/state',
        target: BROWSER_TARGET,
        rolldownOptions: {
          input: entries.state,
          output: { format: 'es', minify: true, entryFileNames: '[name].js', codeSplitting: false },
        },
      },
    },
    // One classic script: module workers are missing in some browsers, and `import()` is forbidden in all of them.
    worker: {
      consumer: 'client',
      build: {
        ...SHARED,
        outDir: 'dist/worker',
        target: BROWSER_TARGET,
        // Before rolldown's own minifier, of which each finds what the other leaves: 0.5 KB of 15, gzip.
        minify: 'terser',
        terserOptions: {
          ecma: 2020,
          compress: {
            passes: 4,
            // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- terser's enum is in its types alone
            inline: 1,
            join_vars: false,
            hoist_funs: true,
            unsafe: true,
            unsafe_comps: true,
            ecma: 2020,
            keep_fargs: false,
            lhs_constants: false,
            pure_getters: true,
            unsafe_arrows: true,
            unsafe_methods: true,
          },
          mangle: {
            toplevel: true,
            // Names of the DOM too, of which a worker has none.
            properties: { builtins: true, regex: new RegExp(`^(?:${SHORTENED_NAMES.join('|')})$`) },
          },
        },
        rolldownOptions: {
          input: entries.worker,
          output: { format: 'iife', minify: true, entryFileNames: '[name].js', codeSplitting: false },
        },
      },
    },
    node: {
      consumer: 'server',
      build: {
        ...SHARED,
        outDir: 'dist',
        target: NODE_TARGET,
        minify: false,
        rolldownOptions: {
          input: entries.node,
          external: isPackage,
          // Chunks lie as deep as the entries do, so that `new URL('../…', import.meta.url)` means the same in both.
          output: { entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
        },
      },
    },
    // For npm consumers, who bundle, minify and pick their own targets.
    lib: {
      consumer: 'client',
      build: {
        ...SHARED,
        outDir: 'dist',
        target: BROWSER_TARGET,
        minify: false,
        lib: { entry: entries.lib, formats: ['es'] },
        rolldownOptions: {
          // simple-peer is bundled: its consumers' bundlers would take the large prebundled file.
          external: (id, importer, isResolved) => !id.startsWith('simple-peer') && isPackage(id, importer, isResolved),
          output: { entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
        },
      },
    },
    // The demo app. Vite's own name for the environment of index.html is `client`.
    client: {
      build: {
        ...SHARED,
        copyPublicDir: true,
        outDir: 'dist/demo-site',
        target: BROWSER_TARGET,
        rolldownOptions: { input: entries.client },
      },
    },
  },
  builder: {
    async buildApp(builder) {
      rmSync('dist', { recursive: true, force: true });
      for (const name of ENVIRONMENTS) {
        const environment = builder.environments[name];
        if (environment) await builder.build(environment);
      }
      for (const name of ['index.html', 'style.css']) {
        copyFileSync(`src/client/state/${name}`, `dist/page/state/${name}`);
      }
      // npm sets the bit when it installs a package; a checkout runs the file as it is.
      chmodSync('dist/cli/main.js', 0o755);
    },
  },
});
