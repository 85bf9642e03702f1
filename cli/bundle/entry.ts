/** One file of a bundle, before it is scrubbed. */
export interface BundleEntry {
  name: string;
  /** What it holds, for the list that is printed. */
  holds: string;
  /** JSON, or the lines of a log. */
  content: { json: unknown } | { log: string };
}

/** Of a list no more than this. */
export const MAX_LISTED = 200;

/** What could not be had, and why. */
export interface Missing {
  what: string;
  why: string;
}

export function reasonOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  const message = error instanceof Error ? error.message : String(error);
  return typeof code === 'string' && !message.startsWith(code) ? `${code}: ${message}` : message;
}
