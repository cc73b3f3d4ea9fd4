const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;
const UNIT_STEP = 1000;

/** `11_800_000` → `11.8 MB`: decimal units, as browsers' own tools show them; three digits at most before rounding. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= UNIT_STEP && unit < UNITS.length - 1) {
    value /= UNIT_STEP;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  const rounded = value.toFixed(digits);
  // 999.96 kB would read 1000 kB: one more step.
  if (Number(rounded) >= UNIT_STEP && unit < UNITS.length - 1) return `1.0 ${UNITS[unit + 1] ?? ''}`;
  return `${rounded} ${UNITS[unit] ?? ''}`;
}

/** `1234` → `1.2 s`, `87` → `87 ms`. */
export function formatMilliseconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}
