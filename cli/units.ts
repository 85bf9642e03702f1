/**
 * How people write durations, sizes and places, and what the programs inside call them: milliseconds, bytes,
 * host and port. Each parser returns null for what it does not understand; the caller knows which flag it
 * was.
 */

const MS_OF = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTES_OF = { '': 1, B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 } as const;

/** `500ms`, `30s`, `5m`, `2h`, `7d`, also `1.5s`; in milliseconds. A bare number but 0 is refused: it has no unit. */
export function parseDuration(text: string): number | null {
  if (text.trim() === '0') {
    return 0;
  }
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  if (match === null) {
    return null;
  }
  const ms = Number(match[1]) * MS_OF[match[2] as keyof typeof MS_OF];
  return Number.isSafeInteger(Math.round(ms)) ? Math.round(ms) : null;
}

/** `64KiB`, `1GiB`, `100B`, or bytes as a bare whole number; in bytes. */
export function parseSize(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s?(|B|KiB|MiB|GiB|TiB)$/.exec(text.trim());
  if (match === null) {
    return null;
  }
  const bytes = Number(match[1]) * BYTES_OF[match[2] as keyof typeof BYTES_OF];
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** As people write it, in the largest unit that it is a whole number of: `500ms`, `72h`, `7d`. Days only from a week on. */
export function formatDuration(ms: number): string {
  const units = (['d', 'h', 'm', 's'] as const).filter((unit) => unit !== 'd' || ms >= 7 * MS_OF.d);
  const unit = ms === 0 ? 's' : (units.find((name) => ms % MS_OF[name] === 0) ?? 'ms');
  return `${ms / MS_OF[unit]}${unit}`;
}

/** As people write it: `64KiB`, `1GiB`; bytes that are no whole number of a larger unit stay bytes. */
export function formatSize(bytes: number): string {
  const unit = (['TiB', 'GiB', 'MiB', 'KiB'] as const).find(
    (name) => bytes > 0 && bytes % BYTES_OF[name] === 0,
  );
  return unit === undefined ? `${bytes}` : `${bytes / BYTES_OF[unit]}${unit}`;
}

/** For the eye: `1.3 GiB`, `210 MiB`. */
export function roughSize(bytes: number): string {
  const unit = (['TiB', 'GiB', 'MiB', 'KiB'] as const).find((name) => bytes >= BYTES_OF[name]);
  if (unit === undefined) {
    return `${Math.round(bytes)} B`;
  }
  const count = bytes / BYTES_OF[unit];
  return `${count < 100 ? count.toFixed(1) : Math.round(count)} ${unit}`;
}

/** For the eye: `8 s`, `2 min 5 s`, `3 h 20 min`. */
export function roughDuration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3_600)];
  if (hours > 0) {
    return `${hours} h ${minutes % 60} min`;
  }
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

/** A whole number written in digits, underscores allowed between them. */
export function parseCount(text: string): number | null {
  if (!/^\d+(?:_\d+)*$/.test(text)) {
    return null;
  }
  const count = Number(text.replaceAll('_', ''));
  return Number.isSafeInteger(count) ? count : null;
}

/** `127.0.0.1:9876`, `[::1]:0`, `localhost:9876`. */
export function parseHostPort(text: string): { host: string; port: number } | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text.trim());
  if (match === null) {
    return null;
  }
  const port = Number(match[3]);
  return port <= 65_535 ? { host: (match[1] ?? match[2]) as string, port } : null;
}

/**
 * A place in a queue as `--to` writes it: `earliest`, `latest`, an offset in digits, or a time in ISO 8601
 * (`2026-01-31T12:00:00Z`; without a zone it is local time).
 */
export function parseStart(
  text: string,
): 'earliest' | 'latest' | { offset: number } | { time: number } | null {
  if (text === 'earliest' || text === 'latest') {
    return text;
  }
  const offset = parseCount(text);
  if (offset !== null) {
    return { offset };
  }
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) {
    return null;
  }
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : { time };
}
