import type { Outcome } from './simulation.ts';

const WIDTH = 640;
const HEIGHT = 360;
const MARGIN = 48;
const STEPS = 200;

/** An SVG: which share of the peers is complete after what time, with the fluid bound as a line. */
export function completionChart({ completionMs, unfinished, boundMs }: Outcome): string {
  const endMs = Math.max(boundMs * 1.5, completionMs.at(-1) ?? 0) * 1.02;
  const count = completionMs.length + unfinished;
  const x = (ms: number): string => (MARGIN + (ms / endMs) * (WIDTH - 2 * MARGIN)).toFixed(1);
  const y = (share: number): string => (HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)).toFixed(1);
  const points = Array.from({ length: STEPS + 1 }, (_, step) => {
    const ms = (step / STEPS) * endMs;
    return `${x(ms)},${y(completionMs.filter((done) => done <= ms).length / count)}`;
  });
  const text = (px: string | number, py: string | number, anchor: string, label: string): string =>
    `<text x="${px}" y="${py}" text-anchor="${anchor}">${label}</text>`;
  const shares = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<path d="M${x(0)} ${y(share)}H${x(endMs)}" stroke="#ddd"/>${text(MARGIN - 6, y(share), 'end', `${share * 100} %`)}`,
  );
  const times = [0, 0.25, 0.5, 0.75, 1].map((part) =>
    text(x(part * endMs), HEIGHT - MARGIN + 18, 'middle', `${((part * endMs) / 1000).toFixed(1)} s`),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="none">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<g fill="#333">${shares.join('')}${times.join('')}`,
    `${text(WIDTH / 2, 24, 'middle', `peers that are complete, by time since they came (${count} peers)`)}</g>`,
    `<path d="M${x(boundMs)} ${y(0)}V${y(1)}" stroke="#c33" stroke-dasharray="5 3"/>`,
    `<g fill="#c33">${text(x(boundMs), MARGIN - 8, 'middle', 'fluid bound')}</g>`,
    `<polyline points="${points.join(' ')}" stroke="#246" stroke-width="2"/>`,
    '</svg>',
  ].join('\n');
}
