/** What an image holds of RingMQ runs by itself, and is small. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { layOutImage } from '../../tools/image/lay-out.js';
import { productionPackages } from '../../tools/image/production-packages.js';
import { makeDirectory, removeDirectory } from '../cli/cli-process.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const MOST_BYTES = 12e6;

let directory = '';
beforeAll(() => {
  directory = makeDirectory();
});
afterAll(() => removeDirectory(directory));

it('has every package that RingMQ needs, optional ones and those of a controller too, and none of its build', () => {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const paths = productionPackages(lock, ['@grpc/grpc-js', 'protobufjs']);
  const { dependencies, optionalDependencies } = lock.packages[''];
  for (const name of [...Object.keys({ ...dependencies, ...optionalDependencies }), '@grpc/grpc-js']) {
    expect(paths).toContain(`node_modules/${name}`);
  }
  expect(paths).toContain('node_modules/@grpc/proto-loader');
  expect(paths).toContain('node_modules/@colors/colors');
  for (const name of ['typescript', 'vitest', 'uWebSockets.js', '@types/node']) {
    expect(paths).not.toContain(`node_modules/${name}`);
  }
});

it('a package below another one is found there, as Node does', () => {
  const packages = {
    '': { dependencies: { a: '1' } },
    'node_modules/a': { dependencies: { b: '2', c: '1' } },
    'node_modules/a/node_modules/b': { dependencies: { c: '1' } },
    'node_modules/b': {},
    'node_modules/c': {},
  };
  expect(productionPackages({ packages }, [])).toEqual([
    'node_modules/a',
    'node_modules/a/node_modules/b',
    'node_modules/c',
  ]);
});

it('carries messages, loads what a controller needs, and is small', () => {
  const packed = join(directory, 'packed');
  mkdirSync(packed);
  cpSync(join(root, 'package.json'), join(packed, 'package.json'));
  for (const room of ['broker', 'cli', 'engine', 'native-free', 'transport']) {
    cpSync(join(root, 'dist', room), join(packed, 'dist', room), { recursive: true });
  }
  const target = join(directory, 'image');
  const bytes = layOutImage({ root, packed, target });
  expect(bytes).toBeLessThan(MOST_BYTES);
  const program = `
    import { openBroker } from 'ringmq';
    import { connect } from 'ringmq/client';
    import grpc from '@grpc/grpc-js';
    import protobuf from 'protobufjs';
    import '@node-rs/crc32';
    import 'bufferutil';
    const broker = await openBroker({ dataDir: process.argv[1] });
    const { url } = await broker.listen({ port: 0 });
    const client = await connect(url);
    await client.admin().createTopic({ topic: 't', queues: 1 });
    const { durability } = await client.producer().send({ topic: 't', body: 'b' });
    await client.close();
    await broker.close();
    console.log(durability, typeof grpc.Client, typeof protobuf.parse);
  `;
  // The package imports itself by its name, as it may from its own folder.
  const out = execFileSync(
    process.execPath,
    ['--input-type=module', '-e', program, join(directory, 'data')],
    {
      cwd: target,
      encoding: 'utf8',
    },
  );
  expect(out).toBe('disk function function\n');
  const help = execFileSync(process.execPath, [join(target, 'dist/cli/main.js'), 'broker', '--help'], {
    encoding: 'utf8',
  });
  expect(help).toContain('--controller');
});
