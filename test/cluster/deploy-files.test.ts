/** Compose files, chart and units agree with each other and with the options there are. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { listenOptionsSchema } from '../../broker/listen-options.js';
import { describeOptions } from '../../engine/option-info.js';
import { engineOptionsSchema } from '../../engine/options.js';

const deploy = fileURLToPath(new URL('../../../deploy', import.meta.url));
const MODES = ['async-replication', 'failover', 'multi-master', 'single', 'sync-double-write'];
const variables = new Set(
  [...describeOptions(engineOptionsSchema), ...describeOptions(listenOptionsSchema)].map(
    ({ variable }) => variable,
  ),
);

interface Service {
  image: string;
  read_only: boolean;
  cap_drop?: string[];
  volumes?: string[];
  secrets?: string[];
  environment: Record<string, string>;
  command?: string[];
}
interface ComposeFile {
  services: Record<string, Service>;
  secrets: Record<string, { file: string }>;
  volumes: Record<string, unknown>;
}

function composeOf(mode: string): ComposeFile {
  return parse(readFileSync(`${deploy}/compose/${mode}.yaml`, 'utf8'), { merge: true }) as ComposeFile;
}

describe('compose', () => {
  it('has a file for each mode, and the page names it', () => {
    const files = readdirSync(`${deploy}/compose`).filter((name) => name.endsWith('.yaml'));
    expect(files).toEqual(MODES.map((mode) => `${mode}.yaml`));
    const page = readFileSync(`${deploy}/compose/README.md`, 'utf8');
    for (const file of files) {
      expect(page).toContain(`[${file}](${file})`);
    }
  });

  it.each(MODES)('%s: brokers have a volume each, log in, and are set by options there are', (mode) => {
    const { services, volumes, secrets } = composeOf(mode);
    expect(Object.keys(secrets).sort()).toEqual(['admin', 'cluster']);
    const nameServers = Object.keys(services).filter((name) => name.startsWith('ns-'));
    expect(nameServers).toHaveLength(mode === 'single' ? 1 : 2);
    for (const [name, service] of Object.entries(services)) {
      expect(service.read_only).toBe(true);
      if (name.startsWith('etcd-')) {
        continue;
      }
      expect(service.cap_drop).toEqual(['ALL']);
      if (name.startsWith('ns-')) {
        expect(service.command?.slice(0, 3)).toEqual(['nameserver', '--listen', `${name}:9800`]);
        continue;
      }
      expect(service.volumes).toEqual([`${name}:/data`]);
      expect(Object.keys(volumes)).toContain(name);
      const set = service.environment;
      expect(Object.keys(set).filter((variable) => !variables.has(variable))).toEqual([]);
      expect(set).toMatchObject({
        RINGMQ_NAME: name,
        RINGMQ_LISTEN: `${name}:9876`,
        RINGMQ_AUTH: 'true',
        RINGMQ_NAME_SERVER: nameServers.map((each) => `ws://${each}:9800`).join(','),
        RINGMQ_SECRET_FILE: '/run/secrets/cluster',
      });
      expect(set['RINGMQ_ROLE'] === 'slave').toBe(/-slave$|^a-[23]$/.test(name));
    }
  });
});

describe('chart', () => {
  it('has a schema with every value, and sets options there are', () => {
    const read = (name: string): string => readFileSync(`${deploy}/helm/ringmq/${name}`, 'utf8');
    const values = parse(read('values.yaml')) as Record<string, unknown>;
    const schema = JSON.parse(read('values.schema.json')) as { properties: Record<string, unknown> };
    expect(
      Object.keys(schema.properties)
        .filter((name) => name !== 'global')
        .sort(),
    ).toEqual(Object.keys(values).sort());
    const named = read('templates/brokers.yaml').matchAll(/name: (RINGMQ_\w+)/g);
    expect(
      [...named].map(([, variable]) => variable).filter((each) => !variables.has(each as string)),
    ).toEqual([]);
  });

  it('is of the version of the package', () => {
    const { version } = JSON.parse(readFileSync(`${deploy}/../package.json`, 'utf8')) as { version: string };
    const chart = parse(readFileSync(`${deploy}/helm/ringmq/Chart.yaml`, 'utf8')) as Record<string, string>;
    expect([chart['version'], chart['appVersion']]).toEqual([version, version]);
  });
});

describe('systemd', () => {
  it.each(['ringmq-broker', 'ringmq-nameserver'])('%s has no rights, and time to stop', (name) => {
    const unit = readFileSync(`${deploy}/systemd/${name}.service`, 'utf8');
    for (const line of [
      'DynamicUser=yes',
      'NoNewPrivileges=yes',
      'ProtectSystem=strict',
      'CapabilityBoundingSet=',
    ]) {
      expect(unit).toMatch(new RegExp(`^${line}$`, 'm'));
    }
    expect(unit).toMatch(/^TimeoutStopSec=\d+s$/m);
  });
});
