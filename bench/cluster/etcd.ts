import { PeerUnavailable } from '../peers/peer.js';
import { freePort, runCommand, Service } from '../peers/processes.js';

/** A member of etcd on loopback (Debian's `etcd-server`), with its data in `directory`. Throws {@link PeerUnavailable}. */
export async function startEtcd(directory: string): Promise<{ endpoint: string; stop(): Promise<void> }> {
  await runCommand('etcd', ['--version'], { timeoutMs: 10_000 }).catch(() => {
    throw new PeerUnavailable('there is no etcd (apt-get install etcd-server)');
  });
  const endpoint = `127.0.0.1:${await freePort()}`;
  const client = `http://${endpoint}`;
  const peer = `http://127.0.0.1:${await freePort()}`;
  const service = new Service('etcd', [
    ...['--name', 'one', '--data-dir', directory],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
    ...['--initial-cluster', `one=${peer}`],
  ]);
  const answers = async (): Promise<boolean> => {
    const answer = await fetch(`${client}/health`).then(
      (response) => response.json() as Promise<{ health: string }>,
      () => null,
    );
    return answer?.health === 'true';
  };
  await service.until(answers);
  return { endpoint, stop: () => service.stop('SIGKILL') };
}
