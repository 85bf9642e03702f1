/** The ways from one thread to another that are compared, and what RingMQ must reach against each. */
import { measureBareRing } from '../limits/bare-ring.js';
import { runClient } from '../limits/child.js';
import type { BatchForm, EmbeddedFigure } from './shape.js';
import { measureZeromqInproc } from './zeromq.js';

export interface EmbeddedWay {
  name: string;
  title: string;
  /** RingMQ's rate over this one's: at least so much. Absent where nothing is asked. */
  target?: number;
  /** Messages a second; null where it cannot be had here. */
  measure(): Promise<number | null>;
}

export const RINGMQ = 'ringmq';

export const WAYS: readonly EmbeddedWay[] = [
  {
    name: RINGMQ,
    title: 'RingMQ, memory topic, write to batches()',
    measure: () => inProcess('../path/embedded.js', 10_000_000),
  },
  postBatches('transferred', 'postMessage, the same batches, transferred'),
  postBatches('copied', 'postMessage, the same batches, copied'),
  postBatches('objects', 'postMessage, arrays of as many messages'),
  {
    name: 'post-messages',
    title: 'postMessage, single messages',
    target: 10,
    measure: () => inProcess('./post-messages.js', 500_000),
  },
  {
    name: 'piscina',
    title: 'piscina, a task a message',
    measure: () => inProcess('./piscina-tasks.js', 100_000),
  },
  { name: 'bare-ring', title: 'bare ring, published every 16', measure: () => measureBareRing(15_000_000) },
  {
    name: 'zeromq-inproc',
    title: 'ZeroMQ inproc, push/pull',
    target: 1,
    measure: measureZeromqInproc,
  },
];

/** `objects` is what a program posts that has no code to pack bytes; the other two have RingMQ's. */
function postBatches(form: BatchForm, title: string): EmbeddedWay {
  const count = form === 'objects' ? 1_000_000 : 10_000_000;
  return {
    name: `post-batches-${form}`,
    title,
    target: 1.5,
    measure: () => inProcess('./post-batches.js', form, count),
  };
}

/** Each in a process of its own, so that none runs in another one's heap. */
async function inProcess(module: string, ...args: (string | number)[]): Promise<number> {
  return ((await runClient(import.meta.url, module, args)) as EmbeddedFigure).messagesPerSecond;
}
