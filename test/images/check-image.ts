/** The image itself: it builds without a network, is small, and has what it should and nothing else. */
import type { Engine } from './engine.js';
import { BASE_IMAGE, IMAGE, OLD_IMAGE } from './names.js';
import { expectThat, type Report } from './report.js';

const BUILD_MS = 600_000;
const MOST_BYTES = 120e6;
/** What is RingMQ's of it: its code and the packages that it runs on. */
const MOST_OWN_BYTES = 15e6;

/** @returns whether there is an image */
export async function checkImage(report: Report, engine: Engine): Promise<boolean> {
  const isBuilt = await report.check('the Dockerfile builds without a network', async () => {
    const args = ['--network', 'none', '--build-arg', `BASE=${BASE_IMAGE}`, '-t', IMAGE];
    await engine.docker(['build', ...args, engine.places.context], { timeoutMs: BUILD_MS });
    await engine.docker(['tag', IMAGE, OLD_IMAGE]);
    return undefined;
  });
  if (!isBuilt) {
    return false;
  }
  const inImage = (program: string): Promise<string> =>
    engine.docker([
      ...['run', '--rm', '--network', 'none', '--read-only', '--entrypoint', 'node', IMAGE],
      ...['--input-type=module', '-e', program],
    ]);
  await report.check(
    'the image is at most 120 MB, of which at most 15 are RingMQ and its packages',
    async () => {
      const bytes = Number(await engine.inspect(IMAGE, '{{.Size}}'));
      const own = Number(
        await inImage(`
        import { readdirSync, statSync } from 'node:fs';
        const files = readdirSync('/ringmq', { recursive: true }).map((name) => statSync('/ringmq/' + name));
        console.log(files.filter((stat) => stat.isFile()).reduce((sum, { size }) => sum + size, 0));
      `),
      );
      const [version = '', nodeBytes] = (
        await inImage(
          `console.log(process.version, (await import('node:fs')).statSync(process.execPath).size)`,
        )
      ).split(' ');
      const node = Number(nodeBytes);
      const text = `${mb(bytes)} MB: Node ${version} ${mb(node)}, RingMQ and its packages ${mb(own)}, C libraries ${mb(bytes - node - own)}`;
      expectThat(bytes <= MOST_BYTES && own <= MOST_OWN_BYTES, text);
      return text;
    },
  );
  await report.check('it has no shell, no package manager, and no user but its own', async () => {
    const found = JSON.parse(
      await inImage(`
        import { existsSync, readdirSync } from 'node:fs';
        const programs = ['/bin', '/usr/bin', '/usr/local/bin', '/sbin'].flatMap((path) => (existsSync(path) ? readdirSync(path) : []));
        console.log(JSON.stringify({ programs: programs.sort(), uid: process.getuid(), gid: process.getgid(), there: readdirSync('/').sort() }));
      `),
    ) as { programs: string[]; uid: number; gid: number; there: string[] };
    expectThat(found.programs.join() === 'node,ringmq', `programs: ${found.programs.join(', ')}`);
    expectThat(found.uid === 65_532 && found.gid === 65_532, `it runs as ${found.uid}:${found.gid}`);
    return `/${found.there.join(' /')}`;
  });
  await report.check('its command works as the argument of docker run', async () => {
    const version = await engine.docker([
      'run',
      '--rm',
      '--network',
      'none',
      '--read-only',
      IMAGE,
      '--version',
    ]);
    return version.trim();
  });
  return true;
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
