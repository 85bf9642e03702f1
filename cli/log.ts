/** The log of `ringmq broker`, on stderr: JSON for machines, lines for people. */
import { writeSync } from 'node:fs';
import { inspect } from 'node:util';
import { type Logger, pino } from 'pino';
import type { CommandOptions } from './command-options.js';

const STDERR = 2;
const CLEAR_LINE = '\r\u001b[2K';

/** Lines for people, not JSON. */
export function isForPeople({ logFormat }: CommandOptions): boolean {
  return logFormat === 'pretty' || (logFormat === 'auto' && process.stderr.isTTY);
}

/**
 * Opens the log. It is written at once, so that the last line before an end is there. `isCovered`: something
 * is drawn on the terminal's last line, which a line for people takes the place of.
 */
export function openLog(command: CommandOptions, isCovered: () => boolean = () => false): Logger {
  const { logLevel } = command;
  const isPretty = isForPeople(command);
  const options = { base: { pid: process.pid }, level: logLevel };
  if (!isPretty) {
    const stderr = pino.destination({ dest: STDERR, sync: true });
    // A terminal that was closed takes no lines any more, and that shall not keep the broker from a clean
    // stop.
    stderr.on('error', () => {});
    return pino(options, stderr);
  }
  const colors = process.stderr.hasColors?.() ?? false;
  return pino(options, {
    write: (line: string) => write((isCovered() ? CLEAR_LINE : '') + formatLogLine(line, colors)),
  });
}

function write(text: string): void {
  try {
    writeSync(STDERR, text);
  } catch {
    // Nobody reads the log, or its reader is behind: a broker goes on without a line.
  }
}

const LEVELS: Record<number, [name: string, color: number]> = {
  20: ['debug', 90],
  30: ['info', 36],
  40: ['warn', 33],
  50: ['error', 31],
  60: ['fatal', 31],
};

/** One line of JSON as a line for people: `12:30:01.250 warn  the disk is full  freeBytes=0`. */
export function formatLogLine(json: string, colors: boolean): string {
  const { level, time, msg, pid: _pid, ...rest } = JSON.parse(json) as Record<string, unknown>;
  const [name, color] = LEVELS[level as number] ?? [String(level), 0];
  const paint = (text: string, code: number): string => (colors ? `\u001b[${code}m${text}\u001b[0m` : text);
  const clock = new Date(time as number).toTimeString().slice(0, 8);
  const ms = String((time as number) % 1000).padStart(3, '0');
  const details = Object.entries(rest).map(([key, value]) => `${paint(key, 90)}=${detail(value)}`);
  const parts = [
    paint(`${clock}.${ms}`, 90),
    paint(name.padEnd(5), color),
    String(msg ?? ''),
    details.join(' '),
  ];
  return `${parts.join(' ').trimEnd()}\n`;
}

function detail(value: unknown): string {
  if (typeof value === 'string') {
    return /[\s"=]/.test(value) ? JSON.stringify(value) : value;
  }
  return typeof value === 'object'
    ? inspect(value, { breakLength: Number.POSITIVE_INFINITY, compact: true })
    : String(value);
}
