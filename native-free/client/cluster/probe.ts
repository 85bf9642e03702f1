/** Whether there is a master at an address, found out on a link of its own. */
import { frameOpcode, OPCODE, PROTOCOL_VERSION, RingMQError, type Welcome } from '../../wire/index.js';
import { pause } from '../abort.js';
import { controlFrame } from '../link/control-codec.js';
import { readWelcome } from '../link/incoming.js';
import type { Link, LinkFactory } from '../link/link.js';

export function isMaster({ role }: Welcome): boolean {
  return role === undefined || role === 'master';
}

/** False: nobody answers within the time, who does is none of the set, or there is no such address. Never rejects. */
export async function answersAsMaster(
  linksTo: () => LinkFactory,
  set: string,
  timeoutMs: number,
): Promise<boolean> {
  const stop = new AbortController();
  let link: Link | null = null;
  const found = async (): Promise<boolean> => {
    link = await linksTo()(stop.signal);
    const welcome = stop.signal.aborted ? null : await welcomeOf(link);
    return welcome !== null && isMaster(welcome) && (welcome.brokerSet ?? set) === set;
  };
  const isFound = found().catch(() => false);
  const answer = await Promise.race([isFound, pause(timeoutMs, stop.signal).then(() => false)]);
  stop.abort(new RingMQError('ABORTED'));
  // One that comes too late is closed, too.
  void isFound.finally(() => link?.close(1000));
  return answer;
}

function welcomeOf(link: Link): Promise<Welcome | null> {
  return new Promise((resolve, reject) => {
    link.onClose = () => resolve(null);
    link.onFrame = (frame) => {
      try {
        resolve(frameOpcode(frame) === OPCODE.welcome ? readWelcome(frame) : null);
      } catch (error) {
        reject(error);
      }
    };
    link.send(
      controlFrame(OPCODE.hello, 0, { version: PROTOCOL_VERSION, features: [], client: 'ringmq-js' }),
    );
  });
}
