/** A listener thread's way to the API, beside a listener that does not do as it is told. */
import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { expect, it } from 'vitest';
import type { HttpBodyReader, HttpRequest } from '../../native-free/listener/types.js';
import { ApiDoor } from '../../transport/http/api-door.js';
import type { ApiAsk } from '../../transport/http/api-messages.js';

const CHUNK_BYTES = 256 * 1024;

it('a body that is read on though it is paused is given up, and its request answered', async () => {
  const { port1, port2 } = new MessageChannel();
  const door = new ApiDoor(port1);
  const asked: ApiAsk[] = [];
  port2.on('message', (ask: ApiAsk) => asked.push(ask));
  let reader = null as HttpBodyReader | null;
  let pausedCount = 0;
  const request: HttpRequest = {
    method: 'POST',
    path: '/api/v1/topics/t/messages',
    query: '',
    host: '127.0.0.1',
    headers: {},
    remote: '127.0.0.1',
    isSecure: false,
    certifiedUser: null,
    takeBody: (given) => {
      reader = given;
      return { pause: () => void pausedCount++, resume: () => {} };
    },
  };
  const answer = door.answer(request);
  for (let chunks = 0; chunks < 100; chunks++) {
    reader?.onChunk(new Uint8Array(CHUNK_BYTES));
  }
  expect(await answer).toMatchObject({ status: 500, body: expect.stringContaining('INTERNAL') });
  expect(pausedCount).toBeGreaterThan(0);
  while (asked.at(-1)?.type !== 'gone') {
    await once(port2, 'message');
  }
  const passed = asked.filter(({ type }) => type === 'chunk').length * CHUNK_BYTES;
  expect(passed).toBeLessThanOrEqual(5 * 1024 * 1024);
  door.close();
  port2.close();
});
