/** Figures for people: three digits that matter and a unit. */
export type Unit = 'bytes/s' | 'messages/s' | 'messages' | 'bytes' | 'us' | 'ms' | 's';

export function formatQuantity(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) {
    return '–';
  }
  switch (unit) {
    case 'bytes/s':
      return `${scaled(value, 'B')}/s`;
    case 'bytes':
      return scaled(value, 'B');
    case 'messages/s':
      return `${scaled(value, '')}/s`;
    case 'messages':
      return scaled(value, '');
    case 'us':
      return value >= 1000 ? `${threeDigits(value / 1000)} ms` : `${threeDigits(value)} µs`;
    case 'ms':
      return value >= 1000 ? `${threeDigits(value / 1000)} s` : `${threeDigits(value)} ms`;
    case 's':
      return `${threeDigits(value)} s`;
  }
}

const STEPS = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;

/** `1.23 M`, `890 k`, `12`; with a unit behind the letter. */
function scaled(value: number, unit: string): string {
  // A thousand that rounding makes belongs to the next step.
  const step = STEPS.find(([size]) => Math.abs(value) >= size * 0.9995);
  if (step === undefined) {
    return `${threeDigits(value)} ${unit}`.trim();
  }
  return `${threeDigits(value / step[0])} ${step[1]}${unit}`;
}

function threeDigits(value: number): string {
  const size = Math.abs(value);
  if (size === 0) {
    return '0';
  }
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}
