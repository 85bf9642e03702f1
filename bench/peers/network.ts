/** A network of its own for what listens on every address: nothing but a loopback, which nobody outside can reach. */
import { PeerUnavailable } from './peer.js';
import { Service } from './processes.js';

/** A network namespace that lives as long as its `holder`. */
export interface OwnNetwork {
  holder: Service;
  /** What a command is put behind to run in it. */
  within: readonly string[];
}

/** Throws {@link PeerUnavailable} where the user may not make one. */
export async function loopbackOnly(): Promise<OwnNetwork> {
  const script = 'ip link set lo up && echo ready && exec sleep infinity';
  const holder = new Service('unshare', ['--net', 'sh', '-c', script]);
  try {
    await holder.until(() => holder.output.includes('ready'), 10_000);
  } catch (error) {
    await holder.stop();
    throw new PeerUnavailable(`a network namespace is needed (as root): ${(error as Error).message}`);
  }
  return { holder, within: ['nsenter', `--net=/proc/${holder.pid}/ns/net`] };
}
