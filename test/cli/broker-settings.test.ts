/** Every option of a broker can be set by a flag, a variable and the config file, with the same result. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { listenOptionsSchema } from '../../broker/listen-options.js';
import {
  addBrokerFlags,
  type BrokerSettings,
  inSettingsNames,
  misspelledVariables,
  readBrokerSettings,
} from '../../cli/broker-settings.js';
import { commandOptionsSchema } from '../../cli/command-options.js';
import { formatLogLine } from '../../cli/log.js';
import { boundsOf, defaultOf } from '../../cli/option-text.js';
import { describeOptions, type OptionInfo } from '../../engine/option-info.js';
import { engineOptionsSchema } from '../../engine/options.js';

const groups = {
  engine: describeOptions(engineOptionsSchema),
  listen: describeOptions(listenOptionsSchema),
  command: describeOptions(commandOptionsSchema),
};
const options = Object.entries(groups).flatMap(([group, infos]) =>
  infos.map((info) => ({ group: group as keyof typeof groups, info, name: info.name })),
);

const directory = mkdtempSync(join(tmpdir(), 'ringmq-settings-'));
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

/** What the command would start a broker with. */
function read(args: string[], env: Record<string, string> = {}, file?: object | string): BrokerSettings {
  for (const [name, value] of Object.entries(env)) {
    vi.stubEnv(name, value);
  }
  const command = new Command('broker').exitOverride().option('--config <file>');
  command.configureOutput({ writeErr: () => undefined, outputError: () => undefined });
  addBrokerFlags(command);
  const path = join(directory, 'config.json');
  if (file !== undefined) {
    writeFileSync(path, typeof file === 'string' ? file : JSON.stringify(file));
  }
  command.parse(file === undefined ? args : [...args, '--config', path], { from: 'user' });
  return readBrokerSettings(command);
}

const ADDRESS = 'ws://127.0.0.1:1';
const CONTROLLER = 'etcd://127.0.0.1:1';

/** Of options that have a rule of their own. */
const SPECIAL: Readonly<Record<string, [value: unknown, text: string]>> = {
  jwtJwks: ['https://id.example/keys', 'https://id.example/keys'],
  jwtAlgorithm: [['ES256'], 'ES256'],
  userBytesPerSecond: [1024, '1024'],
};

/** A value that the option may have and that is not its default, and its text. */
function sample({
  kind,
  unitMs,
  choices,
  least,
  most,
  setting,
  rule,
}: OptionInfo): [value: unknown, text: string] {
  const isAddress = rule?.includes('ws://') === true;
  if (setting === 'listen') {
    return [undefined, '127.0.0.2:7001'];
  }
  const special = SPECIAL[setting];
  if (special !== undefined) {
    return special;
  }
  switch (kind) {
    case 'duration': {
      const value = rule === null ? Math.max(least ?? 0, Math.min(most ?? 1000, 1000 / unitMs)) : 8;
      return [value, `${value * unitMs}ms`];
    }
    case 'size':
      return [least ?? 4096, String(least ?? 4096)];
    case 'count':
      return [least ?? 1, String(least ?? 1)];
    case 'choice':
      return [choices.at(-1), String(choices.at(-1))];
    case 'switch':
      return [true, 'true'];
    case 'list':
      return isAddress ? [[ADDRESS], ADDRESS] : [['one'], 'one'];
    default:
      if (rule?.includes('etcd://') === true) {
        return [CONTROLLER, CONTROLLER];
      }
      return isAddress ? [ADDRESS, ADDRESS] : ['some', 'some'];
  }
}

function valueAt(settings: BrokerSettings, group: keyof BrokerSettings, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (at as Record<string, unknown> | undefined)?.[key],
    settings[group],
  );
}

describe('a broker is set by a flag, a variable, the config file', () => {
  it.each(options)('$group $name', ({ group, info }) => {
    const [value, text] = sample(info);
    const expected = { host: '127.0.0.2', port: 7001 }[info.name] ?? value;
    // One half of a certificate is refused.
    const other = { tlsCert: 'tlsKey', tlsKey: 'tlsCert' }[info.setting];
    const flag = info.kind === 'switch' ? [info.flag] : [info.flag, text];
    const isTls = other !== undefined;
    const byFlag = read(isTls ? [...flag, other === 'tlsKey' ? '--tls-key' : '--tls-cert', 'f'] : flag);
    expect(valueAt(byFlag, group, info.path)).toEqual(expected);
    const partner = other === 'tlsKey' ? 'RINGMQ_TLS_KEY' : 'RINGMQ_TLS_CERT';
    const byVariable = read([], { [info.variable]: text, ...(isTls ? { [partner]: 'f' } : {}) });
    expect(valueAt(byVariable, group, info.path)).toEqual(expected);
    vi.unstubAllEnvs();
    const json = info.kind === 'duration' || info.setting === 'listen' ? text : value;
    const byFile = read([], {}, { [info.setting]: json, ...(isTls ? { [other]: 'f' } : {}) });
    expect(valueAt(byFile, group, info.path)).toEqual(expected);
  });

  it('a flag wins over a variable, a variable over the file', () => {
    const file = { name: 'file', flush: 'async', retention: '1h' };
    const env = { RINGMQ_NAME: 'variable', RINGMQ_FLUSH: 'sync' };
    const { engine } = read(['--name', 'flag'], env, file);
    expect(engine).toEqual({ name: 'flag', flush: 'sync', retentionMs: 3_600_000 });
  });

  it('an empty variable counts as not set, a switch can be set to false', () => {
    expect(read([], { RINGMQ_NAME: '', RINGMQ_INSECURE: 'false' }).engine).toEqual({});
    expect(read([], { RINGMQ_INSECURE: 'false', RINGMQ_LISTENER: '' }).listen).toEqual({ insecure: false });
  });

  it('a list is repeated as a flag, has commas in a variable, is an array in the file', () => {
    const two = ['https://a.example', 'https://b.example'];
    expect(read(two.flatMap((origin) => ['--allow-origin', origin])).listen.allowedOrigins).toEqual(two);
    expect(read([], { RINGMQ_ALLOW_ORIGIN: two.join(', ') }).listen.allowedOrigins).toEqual(two);
  });
});

describe('what cannot be used is told by its name', () => {
  it.each([
    [{ flsuh: 'sync' }, 'there is no setting "flsuh", did you mean "flush"?'],
    [{ flush: 'sometimes' }, 'flush: must be sync or async, not "sometimes"'],
    [{ retention: 500 }, 'retention: write a duration like 500ms, 30s, 5m or 2h, not 500'],
    [{ ringSize: '100KiB' }, 'ringSize: must be a power of two, 64KiB to 1GiB, not "100KiB"'],
    [{ data: '' }, 'data: must be a text that is not empty, not ""'],
    [{ listen: 9876 }, 'listen: write HOST:PORT, like 127.0.0.1:9876, not 9876'],
    [{ insecure: 'perhaps' }, 'insecure: write true or false, not "perhaps"'],
  ])('in a config file: %j', (file, message) => {
    expect(() => read([], {}, file)).toThrow(
      expect.objectContaining({ code: 'BAD_CONFIG', message: expect.stringContaining(message) }),
    );
  });

  it('in a config file, what is there twice', () => {
    expect(() => read([], {}, '{"flush":"sync","retention":"1h","fl\\u0075sh":"async"}')).toThrow(
      expect.objectContaining({ code: 'BAD_CONFIG', message: expect.stringMatching(/ has flush twice$/) }),
    );
  });

  it('all of it at once', () => {
    expect(() => read([], {}, { flush: 'x', minFree: 'y', nmae: 'z' })).toThrow(/flush.+minFree.+nmae.+name/);
  });

  it('in a variable, as wrong usage', () => {
    expect(() => read([], { RINGMQ_RETENTION: 'long' })).toThrow(
      /RINGMQ_RETENTION: write a duration.+not 'long'/,
    );
  });

  it('and a variable that is misspelled', () => {
    vi.stubEnv('RINGMQ_RETENTOIN', '1h');
    vi.stubEnv('RINGMQ_SERVICE_HOST', '10.0.0.1');
    expect(misspelledVariables()).toEqual([{ variable: 'RINGMQ_RETENTOIN', meant: 'RINGMQ_RETENTION' }]);
  });

  it('in the message of the library, by the flag', () => {
    expect(inSettingsNames('ringBytes must be at least 8, or set `insecure` by name')).toBe(
      '--ring-size must be at least 8, or set --insecure by name',
    );
  });

  it('0 needs no unit', () => {
    expect(read(['--retention', '0']).engine.retentionMs).toBe(0);
    expect(read([], {}, { retention: 0 }).engine.retentionMs).toBe(0);
  });
});

describe('bounds and defaults in words', () => {
  const words = (name: string) => {
    const info = options.find((option) => option.name === name)?.info as OptionInfo;
    return [boundsOf(info), defaultOf(info)];
  };
  it.each([
    ['flushIntervalMs', '1ms to 1m', '500ms'],
    ['segmentBytes', 'a power of two, 64KiB to 4GiB', '1GiB'],
    ['retentionMs', '0s or more', '72h'],
    ['idleTimeoutSeconds', '0, or 8s to 16m', '2m'],
    ['port', '0 to 65535', '9876'],
    ['flush', 'sync or async', 'sync'],
  ])('%s', (name, bounds, byDefault) => {
    expect(words(name)).toEqual([bounds, byDefault]);
  });
});

describe('the log for people', () => {
  it('has the time, the level, what happened, and the details', () => {
    const time = new Date(2026, 0, 31, 12, 30, 1, 250).getTime();
    const line = JSON.stringify({
      level: 40,
      time,
      pid: 1,
      freeBytes: 0,
      path: 'a b',
      msg: 'the disk is full',
    });
    expect(formatLogLine(line, false)).toBe('12:30:01.250 warn  the disk is full freeBytes=0 path="a b"\n');
    expect(formatLogLine(line, true)).toContain('\u001b[33mwarn \u001b[0m');
  });
});
