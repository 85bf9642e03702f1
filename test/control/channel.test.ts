/** The channel between threads when one of its ends has gone: what is under way then must not throw at anybody. */
import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type {
  ControlCaller,
  ControlHandler,
  ControlListener,
} from '../../engine/control/channel-messages.js';
import { ChannelPort } from '../../engine/control/channel-port.js';
import { ControlServer } from '../../engine/control/channel-server.js';
import type { ControlEvent } from '../../native-free/wire/index.js';

const EVENT = { event: 'revoke', consumer: 1, queues: [] } as unknown as ControlEvent;
const DEAF: ControlListener = {
  onEvent: () => {},
  topicChanged: () => {},
  topicGrown: () => {},
  topicRetained: () => {},
  brokerClosed: () => {},
  asked: async () => null,
};

/** A control plane that answers when told to. */
class SlowHandler implements ControlHandler {
  readonly asked: Promise<ControlCaller>;
  answer: (value: unknown) => void = () => {};
  #ask: (caller: ControlCaller) => void = () => {};

  constructor() {
    this.asked = new Promise((resolve) => {
      this.#ask = resolve;
    });
  }

  handle(_method: string, _params: unknown, caller: ControlCaller): Promise<unknown> {
    this.#ask(caller);
    return new Promise((resolve) => {
      this.answer = resolve;
    });
  }

  callerGone(): void {}
}

const rejections: unknown[] = [];
const note = (error: unknown): void => {
  rejections.push(error);
};
beforeEach(() => {
  rejections.length = 0;
  process.on('unhandledRejection', note);
});
afterEach(() => {
  process.off('unhandledRejection', note);
});

describe('a closed control channel', () => {
  it('drops the answers, events and news of its server', async () => {
    const name = randomUUID();
    const handler = new SlowHandler();
    const server = new ControlServer(name, handler);
    const port = new ChannelPort(name, 1, DEAF);
    const call = port.callInternal('commit', {}).catch((error: unknown) => error);
    const caller = await handler.asked;
    server.close();
    handler.answer('late');
    // The answer is made in microtasks; a rejection nobody handles is told after those.
    await turn();
    expect(rejections).toEqual([]);
    expect(() => caller.send(EVENT)).not.toThrow();
    expect(() => server.topicChanged('t', 1)).not.toThrow();
    expect(() => server.close()).not.toThrow();
    port.close();
    expect(await call).toMatchObject({ code: 'CLOSED' });
  });

  it('refuses the calls of its port at once, and leaves nothing behind', async () => {
    const port = new ChannelPort(randomUUID(), 1, DEAF);
    port.close();
    await expect(port.callInternal('topicEntry', { topicId: 1 })).rejects.toMatchObject({ code: 'CLOSED' });
    expect(() => port.gone('consumer')).not.toThrow();
    expect(() => port.close()).not.toThrow();
  });
});

describe('events about many queues', () => {
  const queues = Array.from({ length: 1_000 }, (_, queueId) => ({ queueId, generation: 2 ** 40 + queueId }));
  const cases: ControlEvent[] = [
    { event: 'revoke', queues },
    { event: 'revoke', queues: queues.slice(0, 3) },
    { event: 'assign', queues: queues.map((queue) => ({ ...queue, offset: 2 ** 50 + queue.queueId })) },
    { event: 'assign', queues: [] },
  ];

  it.each(cases)('$event of $queues.length arrives as it was sent', async (event) => {
    const name = randomUUID();
    const handler = new SlowHandler();
    const server = new ControlServer(name, handler);
    const port = new ChannelPort(name, 1, DEAF);
    const heard = new Promise<ControlEvent>((resolve) => {
      DEAF.onEvent = (_key, arrived) => resolve(arrived);
    });
    const call = port.call('leave', { consumer: 1 }, 'c1:1:0').catch(() => {});
    (await handler.asked).send(event);
    expect(await heard).toEqual(event);
    server.close();
    port.close();
    await call;
  });
});
