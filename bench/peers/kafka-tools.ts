/** What Kafka's own load tools print, as figures. */
import { type JavaProgram, javaCall, withoutDirectories } from './java.js';
import type { Figure } from './peer.js';
import { runCommand } from './processes.js';

/** Runs the program and gives the command of the measured call, and the lines after it. */
async function measuredLines(program: JavaProgram): Promise<{ tool: string; lines: string[] }> {
  const printed = await runCommand(...javaCall(program));
  const lines = printed.trim().split('\n');
  const marker = lines.findIndex((line) => line.startsWith('measured '));
  const tool = lines[marker]?.slice('measured '.length);
  if (tool === undefined) {
    throw new Error(`nothing was measured: ${printed.slice(-2000)}`);
  }
  return { tool: withoutDirectories(tool), lines: lines.slice(marker + 1) };
}

/**
 * A line every five seconds, and one of the whole with percentiles. The tool's rate of the whole includes
 * connecting and waiting for the last acks; the best of all its lines is taken, so as to be on the safe side.
 */
export async function producerPerformance(program: JavaProgram): Promise<Figure> {
  const { tool, lines } = await measuredLines(program);
  const rates = lines.map((line) => Number(/^\d+ records sent, ([\d.]+) records\/sec/.exec(line)?.[1] ?? 0));
  const [, p50, p99] = /(\d+) ms 50th, .* (\d+) ms 99th/.exec(lines.join('\n')) ?? [];
  if (p50 === undefined) {
    throw new Error(`ProducerPerformance did not end: ${lines.join('\n').slice(-2000)}`);
  }
  return {
    messagesPerSecond: Math.max(...rates),
    p50Ms: Number(p50),
    p99Ms: Number(p99),
    api: 'ProducerPerformance',
    command: `kafka-producer-perf-test ${tool}`,
  };
}

/** One line of ten fields; the last is messages a second from the first fetch on, without the time it took to join the group. */
export async function consumerPerformance(program: JavaProgram): Promise<Figure> {
  const { tool, lines } = await measuredLines(program);
  const fields = lines.find((line) => line.split(', ').length === 10)?.split(', ');
  if (fields === undefined) {
    throw new Error(`ConsumerPerformance did not end: ${lines.join('\n').slice(-2000)}`);
  }
  return {
    messagesPerSecond: Number(fields[9]),
    p50Ms: null,
    p99Ms: null,
    api: 'ConsumerPerformance',
    command: `kafka-consumer-perf-test ${tool}`,
  };
}
