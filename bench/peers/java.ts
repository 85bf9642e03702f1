/** Systems and load tools that run on a Java virtual machine: its flags, and the suite's own small programs for it. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchCache } from './cache.js';
import { type Figure, PeerUnavailable } from './peer.js';
import { runCommand } from './processes.js';

/** Not copied by the build, so it is found in the sources: this file runs as dist/bench/peers/java.js. */
const SOURCES = fileURLToPath(new URL('../../../bench/peers/java/', import.meta.url));

/**
 * Compilers and collectors of a virtual machine need seconds of full load to settle: what every load tool
 * here runs before the measured window begins.
 */
export const WARM_UP_SECONDS = 10;

/** With slf4j-simple on the class path: warnings and errors go to stderr, nothing else. */
export const LOG_WARNINGS = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';

/** For programs of the suite's that measure by themselves. */
export const HDR_HISTOGRAM = 'org.hdrhistogram:HdrHistogram:2.2.2';

/** Throws {@link PeerUnavailable} without a Java 17 or newer, its compiler, and Maven. */
export async function needJava(): Promise<void> {
  for (const command of ['javac', 'mvn']) {
    let printed: string;
    try {
      printed = await runCommand(command, ['-version'], { timeoutMs: 60_000 });
    } catch (error) {
      throw new PeerUnavailable(`${command} does not run: ${(error as Error).message}`);
    }
    if (command !== 'javac') {
      continue;
    }
    const version = Number(/javac (\d+)/.exec(printed)?.[1]);
    if (!(version >= 17)) {
      throw new PeerUnavailable(`Java 17 or newer is needed, not ${printed.trim()}`);
    }
  }
}

/**
 * The folder of the classes of `sources`, files of bench/peers/java, compiled against `jars`. The cache keeps
 * them by what the sources say, so a changed program is compiled again.
 */
export async function compiledClasses(
  cache: BenchCache,
  name: string,
  jars: string,
  sources: readonly string[],
): Promise<string> {
  const paths = sources.map((source) => join(SOURCES, source));
  const hash = createHash('sha256');
  for (const path of paths) {
    hash.update(readFileSync(path));
  }
  return cache.folder(`${name}-classes-${hash.digest('hex').slice(0, 12)}`, async (directory) => {
    await runCommand('javac', ['-nowarn', '-d', directory, '-cp', `${jars}/*`, ...paths], {
      timeoutMs: 120_000,
    });
  });
}

export interface JavaProgram {
  /** Folders of jars and of classes, in that order. */
  jars: string;
  classes?: string;
  /** Both the least and the most, so that the heap does not grow in the measured window. */
  heap: string;
  /** Further flags of the virtual machine. */
  flags?: readonly string[];
  /** Where it keeps what it believes to be its user's: some log below `user.home` whatever they are told. */
  home: string;
  mainClass: string;
  args?: readonly (string | number)[];
  /** A command, with its first arguments, that runs what follows somewhere else. */
  within?: readonly string[];
}

/** The command that runs the program, and its arguments. */
export function javaCall(program: JavaProgram): [command: string, args: string[]] {
  const [command = 'java', ...rest] = [...(program.within ?? []), 'java', ...javaArgs(program)];
  return [command, rest];
}

/** The arguments of `java`. */
function javaArgs(program: JavaProgram): string[] {
  const { jars, classes, heap, flags = [], home, mainClass, args = [] } = program;
  return [
    `-Xms${heap}`,
    `-Xmx${heap}`,
    '-XX:+UseG1GC',
    '-Djava.awt.headless=true',
    '-Djava.net.preferIPv4Stack=true',
    `-Duser.home=${home}`,
    ...flags,
    '-cp',
    classes === undefined ? `${jars}/*` : `${classes}:${jars}/*`,
    mainClass,
    ...args.map(String),
  ];
}

/** The command line for people: no class path, no directories. */
export function javaCommand(program: Pick<JavaProgram, 'mainClass' | 'args' | 'heap'>): string {
  const { mainClass, args = [], heap } = program;
  return withoutDirectories(['java', `-Xmx${heap}`, mainClass, ...args].join(' '));
}

export function withoutDirectories(command: string): string {
  return command.replace(/(^|[\s=:])\/(?!\/)\S*\//g, '$1');
}

/** Runs one of the suite's own programs, which measure by their `Meter`. */
export async function meteredFigure(program: JavaProgram, api: string): Promise<Figure> {
  const printed = await runCommand(...javaCall(program));
  const figure = JSON.parse(printed.trim().split('\n').at(-1) ?? '') as Pick<
    Figure,
    'messagesPerSecond' | 'p50Ms' | 'p99Ms'
  >;
  return { ...figure, api, command: javaCommand(program) };
}
