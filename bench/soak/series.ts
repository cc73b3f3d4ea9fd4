import { median, rounded } from '../benchmark.ts';

const BYTES_PER_MB = 1_000_000;
const MS_PER_HOUR = 3_600_000;

/** What memory did over time. */
export interface Growth {
  /** Medians of the first and the last tenth of the last two thirds. */
  readonly startMB: number;
  readonly endMB: number;
  /** Of the straight line through the last two thirds, least squares. */
  readonly mbPerHour: number;
  /** In equal steps of time, the whole soak. */
  readonly samplesMB: readonly number[];
}

/** A quantity in bytes, sampled over time. */
export class Series {
  readonly #samples: { readonly timeMs: number; readonly mb: number }[] = [];

  add(timeMs: number, bytes: number): void {
    this.#samples.push({ timeMs, mb: bytes / BYTES_PER_MB });
  }

  /** The first third is left out: caches fill, code is compiled. */
  get growth(): Growth {
    const late = this.#samples.slice(Math.floor(this.#samples.length / 3));
    const tenth = Math.max(1, Math.round(late.length / 10));
    const mb = late.map((sample) => sample.mb);
    return {
      startMB: rounded(median(mb.slice(0, tenth)), 1),
      endMB: rounded(median(mb.slice(-tenth)), 1),
      mbPerHour: rounded(slope(late.map(({ timeMs, mb }) => [timeMs / MS_PER_HOUR, mb])), 1),
      samplesMB: this.#samples.map((sample) => rounded(sample.mb, 1)),
    };
  }
}

function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (index: 0 | 1): number => points.reduce((sum, point) => sum + point[index], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  let covariance = 0;
  let variance = 0;
  for (const [x, y] of points) {
    covariance += (x - meanX) * (y - meanY);
    variance += (x - meanX) ** 2;
  }
  return variance === 0 ? 0 : covariance / variance;
}
