import { join } from 'node:path';
import { BenchBroker, load } from '../ringmq.js';

/** What 20 million stored records cost a broker. */
export interface BacklogFigures {
  messages: number;
  produceRate: number;
  /** The most the broker ever held while it took them in, and while it gave them back after a restart. */
  peakRssBytes: number;
  peakRssReadingBytes: number;
  /** From the start of the process after SIGKILL to `ready`. */
  restartMs: number;
  consumeRate: number;
}

/** Fills a broker, kills it with SIGKILL, starts it again, reads everything back. */
export async function measureBacklog(scratch: string, messages = 20_000_000): Promise<BacklogFigures> {
  const work = ['--topic', 'backlog', '--size', 100, '--count', messages];
  const dataDir = join(scratch, 'data');
  const first = await BenchBroker.start(dataDir, 'async');
  let produced: Awaited<ReturnType<typeof load>>;
  let peakRssBytes: number;
  try {
    produced = await load(first.url, 'produce', ...work);
    peakRssBytes = first.peakRssBytes();
  } finally {
    await first.stop('SIGKILL');
  }
  const second = await BenchBroker.start(dataDir, 'async');
  try {
    const consumed = await load(second.url, 'consume', ...work);
    return {
      messages,
      produceRate: produced.messagesPerSecond,
      peakRssBytes,
      peakRssReadingBytes: second.peakRssBytes(),
      restartMs: second.startMs,
      consumeRate: consumed.messagesPerSecond,
    };
  } finally {
    await second.stop();
  }
}
