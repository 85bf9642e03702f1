/**
 * A network of the test's own, inside its network namespace: a bridge, and for each node a namespace with one
 * end of a veth pair in it. The addresses are of a range that is set aside for documentation. Cutting a node off is taking the bridge's end down.
 */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { must } from './command.js';
import type { Engine } from './engine.js';
import { BASE_IMAGE } from './names.js';

const BRIDGE = 'ringmq0';
const OWN_ADDRESS = '192.0.2.1';
const FIRST_HOST = 10;

export interface NodePlace {
  address: string;
  /** The container whose namespace the node's container joins. */
  holder: string;
}

export class TestNetwork {
  readonly #engine: Engine;
  readonly #hosts: string;
  readonly #places = new Map<string, NodePlace & { link: string }>();
  #next = FIRST_HOST;

  private constructor(engine: Engine, hosts: string) {
    this.#engine = engine;
    this.#hosts = hosts;
  }

  static async make(engine: Engine): Promise<TestNetwork> {
    await must('ip', ['link', 'add', BRIDGE, 'type', 'bridge']);
    await must('ip', ['addr', 'add', `${OWN_ADDRESS}/24`, 'dev', BRIDGE]);
    await must('ip', ['link', 'set', BRIDGE, 'up']);
    // The names are known to this process, too; its mounts are its own.
    const hosts = engine.places.file('hosts');
    writeFileSync(hosts, '127.0.0.1 localhost\n');
    await must('mount', ['--bind', hosts, '/etc/hosts']);
    mkdirSync(engine.places.secrets, { recursive: true });
    return new TestNetwork(engine, hosts);
  }

  place(name: string): NodePlace & { link: string } {
    const place = this.#places.get(name);
    if (place === undefined) {
      throw new Error(`there is no node ${name}`);
    }
    return place;
  }

  /** A namespace for each of these, all of which know each other's names. */
  async join(names: readonly string[]): Promise<void> {
    const first = this.#next;
    this.#next += names.length;
    const places = names.map((name, i) => ({
      name,
      address: `192.0.2.${first + i}`,
      holder: `net-${first + i}`,
      link: `node${first + i}`,
    }));
    const known = places.flatMap(({ name, address }) => ['--add-host', `${name}:${address}`]);
    for (const { name, address, holder, link } of places) {
      await this.#engine.docker([
        ...['run', '-d', '--init', '--name', holder, '--network', 'none', ...known, BASE_IMAGE],
        ...['sleep', '100000'],
      ]);
      const pid = await this.#engine.inspect(holder, '{{.State.Pid}}');
      await must('ip', ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid]);
      await must('ip', ['link', 'set', link, 'master', BRIDGE, 'up']);
      for (const args of [
        ['addr', 'add', `${address}/24`, 'dev', 'eth0'],
        ['link', 'set', 'eth0', 'up'],
      ]) {
        await must('nsenter', ['-t', pid, '-n', 'ip', ...args]);
      }
      this.#places.set(name, { address, holder, link });
      appendFileSync(this.#hosts, `${address} ${name}\n`);
    }
  }

  /** Nothing reaches it any more, and nothing comes from it; nobody is told. */
  async cut(name: string): Promise<void> {
    await must('ip', ['link', 'set', this.#link(name), 'down']);
  }

  async heal(name: string): Promise<void> {
    await must('ip', ['link', 'set', this.#link(name), 'up']);
  }

  #link(name: string): string {
    return this.#places.get(name)?.link ?? '';
  }

  /** All nodes go; the next ones get addresses of their own. */
  async leave(): Promise<void> {
    for (const { holder } of this.#places.values()) {
      await this.#engine.try(['rm', '-f', holder]);
    }
    this.#places.clear();
    writeFileSync(this.#hosts, '127.0.0.1 localhost\n');
  }
}
