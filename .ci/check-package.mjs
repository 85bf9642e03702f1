// What `npm install ringmq` brings, and whether tools that people use accept it: size on the disk, package metadata,
// types under several compilers, and bundles of the client without any settings. Prints `ok NAME` or `not ok NAME`
// for each check; fails if any did. `node .ci/check-package.mjs [PART…]` runs some parts: size lint types bundles.
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = new URL('..', import.meta.url).pathname;
const bin = join(root, 'node_modules/.bin');
const work = mkdtempSync(join(tmpdir(), 'ringmq-package-'));
const run = promisify(execFile);
const wanted = process.argv.slice(2);
const MOST_MB = 30;
let failed = 0;

async function check(name, work) {
  try {
    const more = await work();
    console.log(`ok ${name}${more ? `: ${more}` : ''}`);
  } catch (error) {
    failed++;
    console.log(`not ok ${name}`);
    const said = `${error.stdout ?? ''}${error.stderr ?? ''}`.trim() || error.message;
    const lines = said.split('\n').filter((line) => !/^WARNING|^ @ /.test(line));
    console.log([...lines.slice(0, 10), ...lines.slice(10).slice(-5)].join('\n'));
  }
}

/** A folder with a package.json, the tarball and other packages installed. */
async function folder(name, packages, ...flags) {
  const path = join(work, name);
  mkdirSync(path);
  writeFileSync(join(path, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  await run('npm', ['install', '--silent', '--no-audit', '--no-fund', ...flags, ...packages], { cwd: path });
  return path;
}

async function megabytes(path) {
  const { stdout } = await run('du', ['-sk', path]);
  return Number.parseInt(stdout, 10) / 1024;
}

const parts = {
  async size(tarball) {
    const lean = await folder('lean', [tarball], '--omit=optional');
    const full = await folder('full', [tarball]);
    await check('installed without optional packages', async () => sizeBelow(lean));
    await check(`installed with everything it is at most ${MOST_MB} MB`, async () => sizeBelow(full));
    await check('npm does not install the optional peer', async () => {
      if (existsSync(join(full, 'node_modules/uWebSockets.js'))) {
        throw new Error('uWebSockets.js was installed');
      }
    });
    await check('the broker says how to add it', async () => {
      const program = `
        import { openBroker } from 'ringmq';
        const broker = await openBroker({ dataDir: 'data' });
        console.log((await broker.listen({ port: 0 })).reason);
        await broker.close();`;
      const { stdout } = await run('node', ['--input-type=module', '-e', program], { cwd: full });
      if (!stdout.includes('npm install uWebSockets.js@npm:uwebsockets')) {
        throw new Error(stdout);
      }
    });
    // Bundlers read the client's maps, so these are shipped, with their sources; the broker's files are readable as they are.
    await check('every source map has its sources', async () => {
      const { stdout } = await run('find', ['node_modules/ringmq', '-name', '*.map'], { cwd: full });
      for (const file of stdout.trim().split('\n')) {
        const { sources, sourcesContent } = JSON.parse(readFileSync(join(full, file), 'utf8'));
        if (sourcesContent?.length !== sources.length) {
          throw new Error(`${file} names sources that are not there`);
        }
      }
    });
    await check('stack traces lead to files that are there', async () => {
      const program = `
        import { openBroker } from 'ringmq';
        await openBroker({ flush: 'never' }).catch((error) => console.log(error.stack));`;
      const { stdout } = await run('node', ['--enable-source-maps', '--input-type=module', '-e', program], {
        cwd: full,
      });
      const files = [...stdout.matchAll(/file:\/\/(\S+ringmq\/dist\S+?):\d+/g)].map(([, file]) => file);
      if (files.length === 0 || !files.every((file) => existsSync(file))) {
        throw new Error(stdout);
      }
    });
  },

  async lint(tarball) {
    await check('publint', () => run(join(bin, 'publint'), ['run', tarball, '--strict']).then(() => ''));
    await check('are the types wrong', () =>
      run(join(bin, 'attw'), [tarball, '--profile', 'esm-only', '--no-emoji']).then(() => ''),
    );
  },

  async types(tarball) {
    const compilers = ['5.4', '5.9', '7.0'];
    const aliases = compilers.map((version) => `typescript-${version}@npm:typescript@~${version}.0`);
    const path = await folder('types', [tarball, '@types/node@20', ...aliases]);
    for (const [name, { source, options }] of Object.entries(projects)) {
      mkdirSync(join(path, name));
      writeFileSync(join(path, name, 'main.ts'), source);
      const compilerOptions = {
        strict: true,
        noEmit: true,
        skipLibCheck: false,
        exactOptionalPropertyTypes: true,
        target: 'es2022',
        ...options,
      };
      writeFileSync(
        join(path, name, 'tsconfig.json'),
        JSON.stringify({ compilerOptions, files: ['main.ts'] }),
      );
      for (const version of compilers) {
        const compiler = join(path, `node_modules/typescript-${version}/bin/tsc`);
        await check(`types compile in a ${name} project on TypeScript ${version}`, () =>
          run('node', [compiler, '-p', join(path, name)]).then(() => ''),
        );
      }
    }
  },

  async bundles(tarball) {
    const path = await folder(
      'bundles',
      [tarball, 'esbuild', 'vite', 'webpack', 'webpack-cli'],
      '--omit=optional',
    );
    // Bundlers have native parts of their own, which are optional packages.
    await run('npm', ['install', '--silent', '--no-audit', '--no-fund'], { cwd: path });
    writeFileSync(join(path, 'main.js'), bundled);
    mkdirSync(join(path, 'page'));
    writeFileSync(join(path, 'page/index.html'), '<script type="module" src="../main.js"></script>');
    const npx = (...args) => run('npx', ['--no-install', ...args], { cwd: path }).then(() => '');
    await check('esbuild bundles the client for browsers', () =>
      npx('esbuild', 'main.js', '--bundle', '--format=esm', '--outfile=out/browser.mjs'),
    );
    await check('esbuild bundles the client for Node', () =>
      npx('esbuild', 'main.js', '--bundle', '--platform=node', '--format=cjs', '--outfile=out/esbuild.cjs'),
    );
    await check('Vite bundles the client for browsers', () =>
      npx('vite', 'build', 'page', '--outDir', '../out/vite'),
    );
    await check('webpack bundles the client for browsers', () =>
      npx('webpack', './main.js', '--mode=production', '-o', 'out/webpack'),
    );
    await check('webpack bundles the client for Node', () =>
      npx('webpack', './main.js', '--mode=production', '--target=node', '-o', 'out/webpack-node'),
    );
    for (const [name, file] of [
      ['esbuild', 'out/esbuild.cjs'],
      ['webpack', 'out/webpack-node/main.js'],
    ]) {
      // What it needs is in it: the packages are gone.
      await check(`the bundle that ${name} made for Node sends and receives`, () => useBundle(path, file));
    }
  },
};

async function sizeBelow(path) {
  const size = await megabytes(join(path, 'node_modules'));
  if (size > MOST_MB) {
    throw new Error(`${size.toFixed(1)} MB`);
  }
  return `${size.toFixed(1)} MB`;
}

/** Copies the bundle where no packages are and lets it talk to a broker. */
async function useBundle(path, file) {
  const alone = mkdtempSync(join(work, 'alone-'));
  const { openBroker } = await import(join(path, 'node_modules/ringmq/dist/broker/index.js'));
  const broker = await openBroker({ dataDir: join(alone, 'data') });
  try {
    const listener = await broker.listen({ port: 0, listener: 'ws' });
    await run('cp', [join(path, file), join(alone, 'main.cjs')]);
    const { stdout } = await run('node', [join(alone, 'main.cjs'), listener.url], {
      cwd: alone,
      timeout: 30_000,
    });
    if (stdout.trim() !== 'received 100000') {
      throw new Error(stdout);
    }
  } finally {
    await broker.close();
  }
  return '';
}

const bundled = `
import { connect } from 'ringmq/client';
import * as wire from 'ringmq/wire';
const url = globalThis.location?.hash?.slice(1) ?? process.argv[2];
const main = async () => {
  const client = await connect(url);
  await client.admin().createTopic({ topic: 'lines', queues: 1 });
  await client.producer().send({ topic: 'lines', body: 'x'.repeat(100_000) });
  for await (const message of client.consumer({ group: 'all', topic: 'lines' })) {
    await message.ack();
    console.log('received', message.body.length);
    break;
  }
  await client.close();
  if (wire.PROTOCOL_VERSION === undefined) throw new Error('no wire');
};
main();
`;

const client = `
import { connect, isRingMQError, type Client, type ConsumedMessage } from 'ringmq/client';
import * as wire from 'ringmq/wire';
export async function main(url: string): Promise<void> {
  const client: Client = await connect(url, { connectTimeoutMs: 1000 });
  const producer = client.producer({ group: 'orders' });
  const receipt = await producer.send({ topic: 'orders', body: 'paid', properties: { region: 'eu' } });
  const offset: number = receipt.offset;
  const consumer = client.consumer({ group: 'billing', topic: 'orders', from: 'earliest' });
  for await (const message of consumer) {
    const one: ConsumedMessage = message;
    await one.ack();
  }
  for await (const batch of consumer.batches()) {
    await batch.ack();
  }
  await client.close();
  try {
    throw new Error(String(offset));
  } catch (error) {
    if (isRingMQError(error)) console.log(error.code, wire);
  }
}
`;
const projects = {
  node: {
    options: { module: 'nodenext', moduleResolution: 'nodenext', lib: ['es2022'], types: ['node'] },
    source: `${client}
import { attach, openBroker, type OpenBrokerOptions, type ListenOptions } from 'ringmq';
export async function serve(options: OpenBrokerOptions, listen: ListenOptions): Promise<void> {
  const broker = await openBroker({ ...options, onWarning: (message) => console.log(message) });
  const listener = await broker.listen({ ...listen, port: 0 });
  const here = await attach(broker.handle());
  await here.close();
  await main(listener.url);
  await broker.close();
}
`,
  },
  browser: {
    options: { module: 'esnext', moduleResolution: 'bundler', lib: ['es2022', 'dom'], types: [] },
    source: client,
  },
};

try {
  await run('npm', ['pack', '--silent', '--pack-destination', work], { cwd: root });
  const tarball = join(
    work,
    readdirSync(work).find((name) => name.endsWith('.tgz')),
  );
  for (const [name, part] of Object.entries(parts)) {
    if (wanted.length === 0 || wanted.includes(name)) {
      await part(tarball);
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
