/** The files in deploy/ are what the command takes. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { addBrokerFlags, readBrokerSettings } from '../../cli/broker-settings.js';
import { CLUSTER_MODES, defaultMasters, hasSlaves } from '../../cli/cluster/cluster-plan.js';
import type { EngineOptions } from '../../engine/options.js';

const root = fileURLToPath(new URL('../../../deploy', import.meta.url));

function settingsOf(path: string): EngineOptions {
  const command = new Command('broker').exitOverride().option('--config <file>');
  addBrokerFlags(command);
  command.parse(['--config', path], { from: 'user' });
  return readBrokerSettings(command).engine;
}

test.each(CLUSTER_MODES)('%s: each broker has a file that is understood, and the page names it', (mode) => {
  const files = readdirSync(`${root}/${mode}`).filter((file) => file.endsWith('.json'));
  expect(files).toHaveLength(defaultMasters(mode) * (hasSlaves(mode) ? 2 : 1));
  const page = readFileSync(`${root}/${mode}/README.md`, 'utf8');
  expect(page).toContain(`ringmq cluster start --mode ${mode}`);
  for (const file of files) {
    expect(page).toContain(`[${file}](${file})`);
    const engine = settingsOf(`${root}/${mode}/${file}`);
    expect(engine.name).toBe(file.replace('.json', ''));
    expect(engine.role ?? 'master').toBe(file.includes('-slave') ? 'slave' : 'master');
    expect(engine.replication ?? 'async').toBe(mode === 'sync-double-write' ? 'sync' : 'async');
  }
});

test('failover: no file says who the master is, all name the controller, and one may begin the set', () => {
  const files = readdirSync(`${root}/failover`).filter((file) => file.endsWith('.json'));
  const page = readFileSync(`${root}/failover/README.md`, 'utf8');
  const engines = files.map((file) => {
    expect(page).toContain(`[${file}](${file})`);
    return settingsOf(`${root}/failover/${file}`);
  });
  expect(engines.map(({ name }) => `${name}.json`)).toEqual(files);
  expect(new Set(engines.map(({ controller }) => controller)).size).toBe(1);
  expect(engines.map(({ role }) => role)).toEqual([undefined, 'slave', 'slave']);
});
