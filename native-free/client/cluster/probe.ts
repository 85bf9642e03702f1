/** Whether there is a master at an address, found out on a link of its own. */
import { frameOpcode, OPCODE, RingMQError, type Welcome } from '../../wire/index.js';
import { pause } from '../abort.js';
import { Greeting } from '../link/greeting.js';
import type { Link, LinkFactory } from '../link/link.js';
import type { LinkUser } from '../link/link-user.js';

export function isMaster({ role }: Welcome): boolean {
  return role === undefined || role === 'master';
}

/** False: nobody answers within the time, who does is none of the set, or there is no such address. Never rejects. */
export async function answersAsMaster(
  linksTo: () => LinkFactory,
  set: string,
  timeoutMs: number,
  user: LinkUser | null,
): Promise<boolean> {
  const stop = new AbortController();
  let link: Link | null = null;
  const found = async (): Promise<boolean> => {
    await user?.prepare(stop.signal);
    link = await linksTo()(stop.signal);
    const welcome = stop.signal.aborted ? null : await welcomeOf(link, user);
    return welcome !== null && isMaster(welcome) && (welcome.brokerSet ?? set) === set;
  };
  const isFound = found().catch(() => false);
  const answer = await Promise.race([isFound, pause(timeoutMs, stop.signal).then(() => false)]);
  stop.abort(new RingMQError('ABORTED'));
  // One that comes too late is closed, too.
  void isFound.finally(() => link?.close(1000));
  return answer;
}

function welcomeOf(link: Link, user: LinkUser | null): Promise<Welcome | null> {
  return new Promise((resolve, reject) => {
    link.onClose = () => resolve(null);
    link.onFrame = (frame) => {
      try {
        if (frameOpcode(frame) === OPCODE.challenge) {
          greeting.challenged(frame, reject);
        } else {
          resolve(frameOpcode(frame) === OPCODE.welcome ? greeting.welcomed(frame) : null);
        }
      } catch (error) {
        reject(error);
      }
    };
    const greeting = new Greeting((frame) => link.send(frame), user);
    greeting.hello('ringmq-js');
  });
}
