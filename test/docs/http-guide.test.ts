/** The examples of docs/guides/http.md do what they say, in their order, with curl itself. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, it, onTestFinished } from 'vitest';

const GUIDE = fileURLToPath(new URL('../../../docs/guides/http.md', import.meta.url));
const BROKER = new URL('./http-guide-broker.js', import.meta.url);

/** Who tries it has enough after two seconds. Here each is read for as long as it takes, and then ended: how fast a machine answers is not looked at. */
const STREAM = /curl -sN --max-time 2 (.+) \| head -n (\d+)/g;
const UNTIL_READ = 'head -n $2 < <(exec curl -sN --max-time 50 $1); kill $! || true';

function hasCurl(): boolean {
  // `--json` came with 7.82.
  const { stdout, status } = spawnSync('curl', ['--help', 'all'], { encoding: 'utf8' });
  return status === 0 && stdout.includes('--json');
}

it.runIf(hasCurl())('each block of commands succeeds and answers what the guide says', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'ringmq-guide-'));
  const broker = new Worker(BROKER, { workerData: dir });
  const port = await new Promise<number>((resolve, reject) => {
    broker.once('message', resolve);
    broker.once('error', reject);
  });
  onTestFinished(async () => {
    broker.postMessage('close');
    await new Promise((resolve) => broker.once('exit', resolve));
    rmSync(dir, { recursive: true, force: true });
  });
  const blocks = [...readFileSync(GUIDE, 'utf8').matchAll(/```sh\n([\s\S]*?)```/g)].map(
    ([, block]) => block as string,
  );
  expect(blocks.length).toBeGreaterThan(7);
  const outputs = blocks.map((block) => {
    const here = block.replaceAll('127.0.0.1:9876', `127.0.0.1:${port}`);
    const script = `set -e\n${here.replaceAll(STREAM, UNTIL_READ)}`;
    const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
      cwd: dir,
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(status, `${block}\n${stdout}\n${stderr}`).toBe(0);
    return stdout;
  });
  const [topics, json, bytes, lines, again, group, events, manual, error] = outputs as string[];
  expect(topics).toContain('"queueStates"');
  expect(json).toMatch(/"durability":"disk"/);
  expect(bytes).toMatch(/"status":"SEND_OK"/);
  expect(lines).toMatch(/"status":"SEND_OK"/);
  expect(again).toMatch(/^\{"messageId"/);
  // A poll has what was there when there was something, ten at most.
  const polled = JSON.parse(readFileSync(join(dir, 'poll.json'), 'utf8')).messages.length;
  expect(polled).toBeGreaterThan(0);
  expect(group).toContain(`{"acked":${polled},"lost":[]}\n{}`);
  expect(events?.match(/^data: /gm)?.length).toBeGreaterThanOrEqual(2);
  expect(manual).toMatch(/event: session\ndata: \{"session"/);
  expect(error).toContain('"code":"TOPIC_NOT_FOUND"');
});
