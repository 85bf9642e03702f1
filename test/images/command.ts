/** Programs that are run to their end, with an end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const MOST_KEPT_CHARACTERS = 4_000_000;

export interface CommandOptions {
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  input?: string;
  timeoutMs?: number;
}

export interface CommandResult {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Never rejects over the program's status. */
export async function run(
  file: string,
  args: readonly string[],
  { cwd, env, input, timeoutMs = 120_000 }: CommandOptions = {},
): Promise<CommandResult> {
  const child = spawn(file, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    ...(cwd === undefined ? {} : { cwd }),
  });
  const kept = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      kept[name] = (kept[name] + text).slice(-MOST_KEPT_CHARACTERS);
    });
  }
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  const [status, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (signal !== null) {
    kept.stderr += `\nended by ${signal} (${timeoutMs} ms were allowed)`;
  }
  return { status, ...kept };
}

/** Its stdout. @throws Error with its last lines when it ends with anything but 0 */
export async function must(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { status, stdout, stderr } = await run(file, args, options);
  if (status !== 0) {
    const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-15).join('\n');
    throw new Error(`${file} ${args.slice(0, 6).join(' ')} ended with ${status}: ${said}`);
  }
  return stdout;
}

/** Where a program of PATH (or of the places for administrators) lies, or null. */
export function find(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin'];
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not there.
    }
  }
  return null;
}
