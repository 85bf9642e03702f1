import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';

/** One row of the data set, as the message it becomes. */
export interface FlightMessage {
  body: string;
  tag: 'delayed' | 'on-time';
  /** Its distance: flights of one distance keep their order. */
  key: string;
  /** Running number among the flights of its key, from 0. */
  number: number;
}

interface Row {
  delay: number;
  distance: number;
  time: number;
}

/** The flights of vega-datasets (flights-200k.json), in the order of the file. */
export function loadFlights(): FlightMessage[] {
  // The package exports no data file by name, so it is found from what it does export.
  const entry = createRequire(import.meta.url).resolve('vega-datasets');
  const path = join(dirname(entry), '../data/flights-200k.json');
  const rows = JSON.parse(readFileSync(path, 'utf8')) as Row[];
  const counts = new Map<number, number>();
  return rows.map((row) => {
    const number = counts.get(row.distance) ?? 0;
    counts.set(row.distance, number + 1);
    return {
      body: JSON.stringify(row),
      tag: row.delay > 0 ? 'delayed' : 'on-time',
      key: String(row.distance),
      number,
    };
  });
}

/** Which of `count` producers a key belongs to: always the same one, so its order is kept. */
export function producerOfKey(key: string, count: number): number {
  return Number(key) % count;
}

/** A number for the whole content of a message; the sum over all of them does not depend on their order. */
export function contentSum(message: {
  body: string;
  tag: string | undefined;
  key: string | undefined;
  number: number;
}): number {
  return crc32(`${message.key}\0${message.number}\0${message.tag}\0${message.body}`);
}
