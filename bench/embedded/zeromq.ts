/** ZeroMQ has no part in this process: its figure comes from a small C program over libzmq, and this is where the comparison asks for it. */
import { runCommand } from '../peers/processes.js';

/**
 * Messages of 100 B a second between two threads over `inproc`, as `program` prints them: a number on a line of its own, the last
 * one counts. null without a program.
 */
export async function measureZeromqInproc(program: string | undefined): Promise<number | null> {
  if (program === undefined) return null;
  const stdout = await runCommand(program, [], { timeoutMs: 60_000 });
  const rate = Number(stdout.trim().split('\n').at(-1));
  if (!(rate > 0)) throw new Error(`${program} printed no rate: ${stdout.slice(-200)}`);
  return rate;
}
