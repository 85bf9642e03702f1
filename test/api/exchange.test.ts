/** One exchange on the thread that answers: how bodies are asked for and bounded together, and how an answer is paced. */
import { describe, expect, it } from 'vitest';
import { Exchange, HeldBodies } from '../../broker/api/exchange.js';
import type { ApiAnswer } from '../../transport/http/api-messages.js';

const MIB = 1024 * 1024;

function exchangeOf(held = new HeldBodies()): { exchange: Exchange; sent: ApiAnswer[]; overs: () => number } {
  const sent: ApiAnswer[] = [];
  let overs = 0;
  const head = {
    method: 'POST',
    path: '/',
    query: '',
    headers: {},
    remote: '127.0.0.1',
    isSecure: false,
    certifiedUser: null,
  };
  const exchange = new Exchange(
    1,
    head,
    (answer) => sent.push(answer),
    () => {
      overs++;
    },
    held,
  );
  return { exchange, sent, overs: () => overs };
}

describe('a body', () => {
  it('is asked for as it is read, and no more of it', async () => {
    const { exchange, sent } = exchangeOf();
    exchange.chunk(new Uint8Array(10));
    exchange.chunk(new Uint8Array(20));
    expect(sent).toEqual([]);
    expect((await exchange.read())?.length).toBe(10);
    expect(sent).toEqual([{ type: 'more', id: 1, bytes: 10 }]);
    exchange.end();
    expect((await exchange.read())?.length).toBe(20);
    expect(await exchange.read()).toBeNull();
    expect(sent).toHaveLength(1);
  });

  it('that is to be read whole and does not come to an end is not waited for', async () => {
    const { exchange } = exchangeOf();
    exchange.chunk(new Uint8Array(10));
    await expect(exchange.readAll(1_000, 20)).rejects.toMatchObject({ code: 'TIMEOUT', retryable: true });
    const fast = exchangeOf();
    fast.exchange.chunk(new Uint8Array(50_000));
    // Most of a minute more for what has come.
    const whole = fast.exchange.readAll(100_000, 1);
    setTimeout(() => fast.exchange.end(), 30);
    expect((await whole).length).toBe(50_000);
  });

  it('of all requests together is bounded, and what is over makes room', async () => {
    const held = new HeldBodies();
    const first = exchangeOf(held);
    const second = exchangeOf(held);
    for (const { exchange } of [first, second]) {
      exchange.chunk(new Uint8Array(40 * MIB));
      exchange.end();
    }
    expect((await first.exchange.readAll(64 * MIB)).length).toBe(40 * MIB);
    await expect(second.exchange.readAll(64 * MIB)).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' });
    // A small one is taken all the same.
    const small = exchangeOf(held);
    small.exchange.chunk(new Uint8Array(1_000));
    small.exchange.end();
    expect((await small.exchange.readAll(64 * MIB)).length).toBe(1_000);
    first.exchange.answer(200, '', {});
    second.exchange.gone();
    small.exchange.gone();
    expect(held.bytes).toBe(0);
  });

  it('of who goes away is read no further', async () => {
    const { exchange, overs } = exchangeOf();
    const reading = exchange.read();
    exchange.gone();
    exchange.gone();
    await expect(reading).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect(overs()).toBe(1);
  });
});

describe('an answer', () => {
  it('in pieces waits for whoever does not read, and ends with them', async () => {
    const { exchange, sent } = exchangeOf();
    exchange.begin(200, {});
    let isWritten = false;
    const writing = exchange.write('x'.repeat(300_000)).then(() => {
      isWritten = true;
    });
    await Promise.resolve();
    expect(isWritten).toBe(false);
    exchange.taken(300_000);
    await writing;
    const stuck = exchange.write('x'.repeat(300_000));
    exchange.gone();
    await expect(stuck).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    exchange.finish();
    expect(sent.map(({ type }) => type)).toEqual(['answer', 'piece', 'piece']);
  });

  it('is given once, whatever is said later, and nothing in it breaks a header', () => {
    const { exchange, sent } = exchangeOf();
    exchange.answer(400, 'a', { 'X-Said': 'one\r\nSet-Cookie: two' });
    exchange.answer(200, 'b', {});
    exchange.begin(200, {});
    exchange.put('c');
    exchange.cut();
    expect(sent).toEqual([
      { type: 'answer', id: 1, status: 400, headers: { 'X-Said': 'one??Set-Cookie: two' }, body: 'a' },
    ]);
  });
});
