import uPlot from 'uplot';
import { formatBytes } from './byte-format.ts';
import { type Colors, onColorsChanged, readColors } from './colors.ts';
import type { RateHistory } from './rate-history.ts';
import { SOURCES, type Source } from './source-bytes.ts';

const HEIGHT_PX = 132;
const AXIS_FONT = '11px system-ui, sans-serif';
/** The least that the time axis spans; a burst of 200 ms alone would fill the whole width. */
const MIN_SPAN_S = 5;
/** Dashes as well as colours: the lines must differ for everybody. Pixels on, pixels off. */
const DASHES: Readonly<Record<Source, number[]>> = { peers: [], store: [2, 3], origin: [7, 4] };

const NOTHING = 'nothing moved yet';

/** Bytes per second by source over time, with a sentence beside it for those who do not see it. */
export class TransferChart {
  readonly #host: HTMLElement;
  readonly #summary: HTMLElement;
  #plot: uPlot | undefined;
  #history: RateHistory | undefined;

  constructor(host: HTMLElement, summary: HTMLElement) {
    this.#host = host;
    this.#summary = summary;
    summary.textContent = NOTHING;
    this.#build(readColors());
    // A canvas keeps the colours that it was drawn with.
    onColorsChanged((colors) => this.#build(colors));
    new ResizeObserver(() => this.#plot?.setSize({ width: host.clientWidth, height: HEIGHT_PX })).observe(host);
  }

  show(history: RateHistory): void {
    this.#history = history;
    this.#plot?.setData(alignedData(history));
    this.#summary.textContent = summaryOf(history);
  }

  #build(colors: Colors): void {
    this.#plot?.destroy();
    const data: uPlot.AlignedData = this.#history ? alignedData(this.#history) : [[], [], [], []];
    this.#plot = new uPlot(optionsFor(colors, this.#host.clientWidth), data, this.#host);
  }
}

function alignedData(history: RateHistory): uPlot.AlignedData {
  const { seconds, peers, store, origin } = history.columns();
  return [[...seconds], [...peers], [...store], [...origin]];
}

function summaryOf(history: RateHistory): string {
  const { seconds } = history.columns();
  if (seconds.length === 0) return NOTHING;
  return `peak ${formatBytes(history.peakPerSecond())}/s`;
}

function optionsFor(colors: Colors, width: number): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: colors.text,
    font: AXIS_FONT,
    grid: { stroke: colors.line, width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT_PX,
    padding: [8, 8, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: {
      x: { time: false, range: (_plot, from, to) => timeRange(from, to) },
      y: { range: (_plot, _from, to) => [0, Math.max(to * 1.1, 1)] },
    },
    axes: [
      { ...axis, size: 24, values: (_plot, splits) => splits.map((second) => `${second} s`) },
      { ...axis, size: 64, space: 32, values: (_plot, splits) => splits.map((rate) => `${formatBytes(rate)}/s`) },
    ],
    series: [{}, ...SOURCES.map((source) => seriesFor(source, colors))],
  };
}

function timeRange(from: number | null, to: number | null): [number, number] {
  if (from === null || to === null) return [0, MIN_SPAN_S];
  return [from, Math.max(to, from + MIN_SPAN_S)];
}

function seriesFor(source: Source, colors: Colors): uPlot.Series {
  const color = colors.sources[source];
  // Two hexadecimal digits of alpha: a light wash below the line.
  return { label: source, stroke: color, fill: `${color}1f`, width: 2, dash: DASHES[source], points: { show: false } };
}
