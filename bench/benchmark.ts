/** What `npm run bench -- NAME` runs: `bench/NAME/benchmark.ts` exports one as `benchmark`. */
export interface Benchmark {
  readonly summary: string;
  readonly options: readonly BenchmarkOption[];
  /**
   * The result, printed as one line of JSON; progress goes to stderr. Options are named in camel case; those whose
   * default is a text are in `texts`. `charts` of the result, SVG texts, are kept as files and not printed.
   */
  run(numbers: Readonly<Record<string, number>>, texts: Readonly<Record<string, string>>): object | Promise<object>;
  /** What `--save` calls the files. @default the benchmark's name */
  saveName?(texts: Readonly<Record<string, string>>): string;
}

interface BenchmarkOption {
  readonly name: string;
  readonly unit: string;
  readonly summary: string;
  /** Its type is the option's. */
  readonly default: number | string;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

export function rounded(value: number, digits = 3): number {
  return Number(value.toFixed(digits));
}
