/** What Redis's own programs print, as figures. */
import type { Figure } from './peer.js';

/** `redis-benchmark --csv`: a line of names and a line of values, each in quotes. */
export function benchmarkRow(printed: string): Pick<Figure, 'messagesPerSecond' | 'p50Ms' | 'p99Ms'> {
  const lines = printed.trim().split('\n');
  const header = lines.findIndex((line) => line.startsWith('"test",'));
  const names = fieldsOf(lines[header]);
  // Read from the right: the first value is the command, which may hold anything.
  const values = fieldsOf(lines[header + 1]).reverse();
  const value = (name: string): number => Number(values[names.length - 1 - names.indexOf(name)]);
  const figure = {
    messagesPerSecond: value('rps'),
    p50Ms: value('p50_latency_ms'),
    p99Ms: value('p99_latency_ms'),
  };
  if (!(figure.messagesPerSecond > 0)) {
    throw new Error(`redis-benchmark printed no rate: ${printed.trim().slice(-2000)}`);
  }
  return figure;
}

function fieldsOf(line = ''): string[] {
  return line.trim().slice(1, -1).split('","');
}

/** `redis-cli XINFO GROUPS`: names and values on lines in turn, of one group. */
export function groupProgress(printed: string): { entriesRead: number } {
  const lines = printed.trim().split('\n');
  const at = lines.indexOf('entries-read');
  const entriesRead = Number(lines[at + 1]);
  if (at < 0 || !Number.isInteger(entriesRead)) {
    throw new Error(`no group: ${printed.trim().slice(-2000)}`);
  }
  return { entriesRead };
}
