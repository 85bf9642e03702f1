/** Rounds of a race for a dead owner's lock, as many as are given (10,000): status 1 when two ever had it at one time. */
import { raceForLock } from './lock-race.js';

const result = await raceForLock(Number(process.argv[2] ?? 10_000));
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exitCode = result.twoOwners === 0 ? 0 : 1;
