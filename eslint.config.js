import tseslint from 'typescript-eslint';

const ambient = (...names) => names.map((name) => ({ name, message: 'Time, chance and I/O come in through ports.' }));

// Typed rules only: Biome has the rest, and formats.
export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '**/*.js', 'src/demo/public/', 'test/**/fixtures/', 'test/vectors/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeCheckedOnly],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, allowDefaultCaseForExhaustiveSwitch: true },
      ],
    },
  },
  {
    files: ['src/protocol/**/*.ts', 'src/core/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', ...ambient('Date')],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: 'Chance is a port.' }],
    },
  },
  {
    files: ['src/platform/**/*.ts', 'src/node/**/*.ts', 'src/cli/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['window', 'document', 'localStorage', 'sessionStorage', 'location', 'history'].map((name) => ({
          name,
          message: 'Exists in pages only; this zone also runs in workers or Node.',
        })),
      ],
    },
  },
);
