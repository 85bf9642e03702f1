/**
 * Many start at once on a directory whose owner is dead: never do two have it. `node
 * dist/test/disk/lock-race-main.js [rounds]` makes as many rounds as are wanted, the suite a few hundred.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { lockDataDir } from '../../engine/disk/index.js';
import { SeededRandom } from '../crash/random.js';

const RACER = fileURLToPath(new URL('./lock-racer.js', import.meta.url));
/** In every so many rounds one of the racers is killed in the middle of it. */
const KILL_EVERY = 20;
/** When, at most: the race is over by then. */
const KILL_WITHIN_MS = 4;

export interface RaceResult {
  rounds: number;
  /** Rounds in which two had the lock at one time. */
  twoOwners: number;
  /** Rounds without an owner in which nobody was killed. */
  noOwner: number;
  kills: number;
}

/** One process that tries when it is told to, says what came of it, and gives the lock back when it is told to. */
class Racer {
  #child!: ChildProcess;
  #exited!: Promise<unknown>;
  #heard: (word: string) => void = () => {};
  #ready!: Promise<string>;

  constructor() {
    this.start();
  }

  start(): void {
    const child = fork(RACER);
    this.#child = child;
    this.#ready = this.#next();
    // What one that was killed has said may come after its end.
    child.on('message', (word) => this.#child === child && this.#heard(String(word)));
    this.#exited = once(child, 'exit').then(() => this.#heard('killed'));
  }

  /** Resolves when it can be told at once. */
  async ready(): Promise<void> {
    await this.#ready;
  }

  /** What it says, or `killed`. */
  go(dir: string): Promise<string> {
    const said = this.#next();
    this.#child.send({ dir });
    return said;
  }

  async release(): Promise<void> {
    const said = this.#next();
    this.#child.send('release');
    await said;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async end(): Promise<void> {
    this.kill();
    await this.#exited;
  }

  #next(): Promise<string> {
    return new Promise((resolve) => {
      this.#heard = resolve;
    });
  }
}

export async function raceForLock(rounds: number, count = 4, seed = 1): Promise<RaceResult> {
  const directory = mkdtempSync(`${tmpdir()}/ringmq-race-`);
  const random = new SeededRandom(seed);
  const racers = Array.from({ length: count }, () => new Racer());
  const result: RaceResult = { rounds, twoOwners: 0, noOwner: 0, kills: 0 };
  try {
    const dead = await deadLine(`${directory}/words`);
    for (let round = 0; round < rounds; round++) {
      const dir = `${directory}/${round % 16}`;
      rmSync(dir, { recursive: true, force: true });
      mkdirSync(dir);
      writeFileSync(`${dir}/LOCK`, dead('dead000000000000'));
      if (round % 3 === 1) {
        // Somebody died while he took it over.
        writeFileSync(`${dir}/LOCK.after.dead000000000000`, dead('dead111111111111'));
      }
      await Promise.all(racers.map((racer) => racer.ready()));
      const answers = racers.map((racer) => racer.go(dir));
      const victim = round % KILL_EVERY === KILL_EVERY - 1 ? racers[random.between(0, count)] : undefined;
      let killing: NodeJS.Timeout | undefined;
      if (victim !== undefined) {
        result.kills++;
        killing = setTimeout(() => victim.kill(), random.between(0, KILL_WITHIN_MS));
      }
      const said = await Promise.all(answers);
      // Who follows the victim is not meant.
      clearTimeout(killing);
      // A victim that had it before it died was an owner as well, and not at the same time.
      const owners = said.filter((word, i) => word === 'locked' && racers[i] !== victim).length;
      result.twoOwners += owners > 1 ? 1 : 0;
      result.noOwner += owners === 0 && victim === undefined ? 1 : 0;
      await Promise.all(
        racers.map(async (racer, i) => {
          if (racer === victim) {
            await racer.end();
            racer.start();
          } else if (said[i] === 'locked') {
            await racer.release();
          }
        }),
      );
      if (victim === undefined && readdirSync(dir).length > 0) {
        throw new Error(`round ${round} left ${readdirSync(dir).join(', ')}`);
      }
    }
  } finally {
    await Promise.all(racers.map((racer) => racer.end()));
    rmSync(directory, { recursive: true, force: true });
  }
  return result;
}

/** The line of a process of this machine that is dead. */
async function deadLine(dir: string): Promise<(token: string) => string> {
  const lock = await lockDataDir(dir);
  const [, , boot, , pidNamespace, netNamespace] = readFileSync(`${dir}/LOCK`, 'latin1').trim().split(' ');
  lock.release();
  return (token) => `4194303 1 ${boot} ${token} ${pidNamespace} ${netNamespace}\n`;
}
