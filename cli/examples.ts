/** What stands under `Examples` in the help of each command: lines that can be typed as they are. */
export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  '': [
    'ringmq broker --data ./data                          # in one terminal',
    'ringmq topic create orders --queues 4                # in another',
    'seq 1000 | ringmq pub orders',
    'ringmq sub orders --group billing --count 1000',
  ],
  broker: [
    'ringmq broker                                        # ./ringmq-data on 127.0.0.1:9876, sync flush',
    'ringmq broker --data /var/lib/ringmq --flush async --retention 7d --retention-size 200GiB',
    'ringmq broker --listen 127.0.0.1:0 --allow-origin http://localhost:5173',
    'ringmq broker --config ringmq.json --log-level debug',
  ],
  nameserver: [
    'ringmq nameserver                                    # 127.0.0.1:9800',
    'ringmq nameserver --listen 0.0.0.0:9800 --secret-file secret',
  ],
  topic: [
    'ringmq topic create orders --queues 4',
    'ringmq topic describe orders',
    'ringmq topic list -o json',
  ],
  'topic create': ['ringmq topic create orders --queues 4', 'ringmq topic create ticks --queues 1 --memory'],
  'topic list': ['ringmq topic list', 'ringmq topic list -o json'],
  'topic describe': ['ringmq topic describe orders', 'ringmq topic describe orders -o json'],
  'topic delete': ['ringmq topic delete orders'],
  group: ['ringmq group list', 'ringmq group describe billing', 'ringmq group delete billing'],
  'group create': ['ringmq group create billing'],
  'group list': ['ringmq group list', 'ringmq group list -o json'],
  'group describe': ['ringmq group describe billing'],
  'group delete': ['ringmq group delete billing'],
  'group reset-offset': [
    'ringmq group reset-offset billing --topic orders --to earliest',
    'ringmq group reset-offset billing --topic orders --to 2026-01-31T12:00:00Z',
    'ringmq group reset-offset billing --topic orders --to 1200 --queue 3',
  ],
  pub: [
    "printf 'one\\ntwo\\n' | ringmq pub orders --tag paid --key o-1 --property region=eu",
    'ringmq pub orders < lines.txt',
    'ringmq pub orders -o json < lines.txt                # {"count":…,"bytes":…,"errors":0,"durability":"disk"}',
  ],
  sub: [
    'ringmq sub orders --group billing                    # until Ctrl-C',
    'ringmq sub orders --group billing --count 10 --idle-exit 2s',
    "ringmq sub orders --group audit --filter 'paid || refunded' -o json",
    'ringmq sub orders --group caches --broadcast         # every one that runs this gets everything',
  ],
  stats: ['ringmq stats', 'ringmq stats --watch 1s', 'ringmq stats -o json'],
  log: ['ringmq log verify ./ringmq-data'],
  'log verify': ['ringmq log verify ./ringmq-data', 'ringmq log verify ./ringmq-data -o json'],
  bench: [
    'ringmq bench produce --topic load --size 100 --count 1000000',
    'ringmq bench consume --topic load --count 1000000',
    'ringmq bench e2e --topic load --rate 10000 --count 100000',
  ],
};
