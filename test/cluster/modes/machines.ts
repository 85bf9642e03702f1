/**
 * Machines of the test's own: a network namespace each, with one end of a veth pair in it; the other ends are
 * ports of a bridge in the namespace of this process, which is one that was made for it. The addresses are of
 * a range that is set aside for documentation. A machine that is cut off gets nothing any more, sends
 * nothing, and nobody is told.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CLI } from '../../cli/cli-process.js';

const BRIDGE = 'ringmq0';
const OWN_ADDRESS = '192.0.2.1';
const FIRST_HOST = 10;
/** A holder ends by itself, should this process be killed. */
const HOLDER_SECONDS = '1800';
const READY_MS = 120_000;

interface Machine {
  address: string;
  /** This process's end of its cable. */
  link: string;
  holder: ChildProcess;
  node: ChildProcess | null;
  /** What its node wrote to stderr, of all its lives. */
  log: string[];
}

/** Whether namespaces, bridges and veth pairs can be made here: root, and a kernel that has them. */
export function mayMakeMachines(): boolean {
  const attempt =
    'ip link add br9 type bridge && ip link add v0 type veth peer name v1 && unshare -n true && command -v nsenter';
  try {
    execFileSync('unshare', ['-n', 'sh', '-c', attempt], { stdio: 'ignore', timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
}

/** Runs a module of this folder in a network namespace of its own; its stdout. */
export async function inOwnNetwork(module: string, args: readonly string[]): Promise<string> {
  const path = fileURLToPath(new URL(module, import.meta.url));
  const child = spawn('unshare', ['-n', process.execPath, path, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kept = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      kept[name] += text;
    });
  }
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) {
    throw new Error(`${module} ${args.join(' ')} ended with ${status}: ${kept.stderr.slice(-4_000)}`);
  }
  return kept.stdout;
}

export class Machines {
  readonly #machines = new Map<string, Machine>();
  #links = 0;
  #hosts = FIRST_HOST;

  constructor() {
    ip('link', 'set', 'lo', 'up');
    ip('link', 'add', BRIDGE, 'type', 'bridge');
    ip('addr', 'add', `${OWN_ADDRESS}/24`, 'dev', BRIDGE);
    ip('link', 'set', BRIDGE, 'up');
  }

  /** A new machine; or, with the name of one that was removed, another in its place, with its address. */
  async add(name: string): Promise<void> {
    const before = this.#machines.get(name);
    const address = before?.address ?? `192.0.2.${this.#hosts++}`;
    const link = `node${this.#links++}`;
    const holder = spawn('unshare', ['-n', 'sh', '-c', `echo made; exec sleep ${HOLDER_SECONDS}`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(holder.stdout as NodeJS.ReadableStream, 'data');
    const pid = String(holder.pid);
    ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid);
    ip('link', 'set', link, 'master', BRIDGE, 'up');
    for (const args of [
      ['link', 'set', 'lo', 'up'],
      ['addr', 'add', `${address}/24`, 'dev', 'eth0'],
      ['link', 'set', 'eth0', 'up'],
    ]) {
      execFileSync('nsenter', ['-t', pid, '-n', 'ip', ...args]);
    }
    this.#machines.set(name, { address, link, holder, node: null, log: before?.log ?? [] });
  }

  address(name: string): string {
    return this.#of(name).address;
  }

  log(name: string): string {
    return this.#of(name).log.join('');
  }

  /** Starts `ringmq ARGS` on it, and resolves with where it serves. */
  async start(name: string, args: readonly string[]): Promise<string> {
    const machine = this.#of(name);
    const node = spawn('nsenter', ['-t', String(machine.holder.pid), '-n', process.execPath, CLI, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('RINGMQ_'))),
    });
    machine.node = node;
    node.stderr.setEncoding('utf8').on('data', (text: string) => machine.log.push(text));
    const ended = once(node, 'close').then(() => {
      throw new Error(`${name} ended: ${machine.log.join('').slice(-2_000)}`);
    });
    ended.catch(() => {});
    const lines = createInterface({ input: node.stdout });
    const late = AbortSignal.timeout(READY_MS);
    const [line] = (await Promise.race([once(lines, 'line', { signal: late }), ended])) as [string];
    return line.replace(/^ready /, '');
  }

  /** Runs `ringmq ARGS` on it to its end; its stdout. */
  async run(name: string, args: readonly string[]): Promise<string> {
    const { holder } = this.#of(name);
    const child = spawn('nsenter', ['-t', String(holder.pid), '-n', process.execPath, CLI, ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    await once(child, 'close');
    return out;
  }

  /** Pulls its cable. */
  cut(name: string): void {
    ip('link', 'set', this.#of(name).link, 'down');
  }

  /** Ends what runs on it, and then the machine with its connections: whatever these had to say is said by nobody. */
  async remove(name: string): Promise<void> {
    const { node, holder, link } = this.#of(name);
    this.cut(name);
    for (const child of [node, holder]) {
      if (child !== null && child.exitCode === null && child.signalCode === null) {
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
      }
    }
    try {
      ip('link', 'delete', link);
    } catch {
      // It went with the namespace that had its other end.
    }
  }

  async removeAll(): Promise<void> {
    for (const name of this.#machines.keys()) {
      await this.remove(name);
    }
  }

  #of(name: string): Machine {
    const machine = this.#machines.get(name);
    if (machine === undefined) {
      throw new Error(`there is no machine ${name}`);
    }
    return machine;
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}
