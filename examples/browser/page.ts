/** A chat in a page: what is sent here is shown in every page that is open. */
import { connect } from 'ringmq/client';

const url = new URLSearchParams(location.search).get('broker') ?? 'ws://127.0.0.1:9876';
const client = await connect(url);
await client.admin().createTopic({ topic: 'chat', queues: 1, memory: true, ifNotExists: true });

const producer = client.producer({ group: 'pages' });
const form = document.querySelector('form') as HTMLFormElement;
form.addEventListener('submit', (event) => {
  event.preventDefault();
  const input = form.elements.namedItem('text') as HTMLInputElement;
  void producer.send({ topic: 'chat', body: input.value });
  input.value = '';
});

// A group of its own for every page, so that each gets every message.
const group = `page-${crypto.randomUUID()}`;
for await (const message of client.consumer({ group, topic: 'chat', from: 'latest' })) {
  const line = document.createElement('li');
  line.textContent = message.text();
  document.querySelector('ul')?.append(line);
  await message.ack();
}
