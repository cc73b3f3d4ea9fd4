import type { Source } from './source-bytes.ts';

/** Colours for what CSS does not reach: the chart's canvas and the editor. They are defined in style.css alone. */
export interface Colors {
  readonly sources: Readonly<Record<Source, string>>;
  readonly text: string;
  readonly line: string;
  readonly surface: string;
  readonly dark: boolean;
}

const DARK = '(prefers-color-scheme: dark)';

export function readColors(): Colors {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    sources: { peers: color('peers'), store: color('store'), origin: color('origin') },
    text: color('text-soft'),
    line: color('line'),
    surface: color('surface'),
    dark: matchMedia(DARK).matches,
  };
}

export function onColorsChanged(listener: (colors: Colors) => void): void {
  matchMedia(DARK).addEventListener('change', () => listener(readColors()));
}
