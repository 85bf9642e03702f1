/** Adds up what the load threads found: one distribution of each latency, and what was lost, doubled or damaged. */
import { type LatencyRecorder, mergeLatencies } from './latency.js';
import { NumberSet } from './receive-tracker.js';
import type { ThreadResult } from './thread-protocol.js';

export interface Counts {
  sent: number;
  acked: number;
  failed: number;
  /** By all subscriptions together, each message once each. */
  received: number;
  /** Acked, and not received by a subscription when it had fallen silent. */
  lost: number;
  /** Received once more by the same subscription. */
  duplicates: number;
  /** Received, but not as sent. */
  damaged: number;
  /** Received, but of another run. */
  foreign: number;
}

export interface Tally {
  counts: Counts;
  errors: string[];
  sendFromActual: LatencyRecorder;
  sendFromIntended: LatencyRecorder;
  endToEnd: LatencyRecorder;
}

export function tally(results: readonly ThreadResult[], subscriptions: number): Tally {
  const counts = {
    sent: 0,
    acked: 0,
    failed: 0,
    received: 0,
    lost: 0,
    duplicates: 0,
    damaged: 0,
    foreign: 0,
  };
  const seen = new Map<string, NumberSet>();
  for (const result of results) {
    counts.duplicates += result.duplicates;
    counts.damaged += result.damaged;
    counts.foreign += result.foreign;
    for (const { subscription, producer, words } of result.seen) {
      const key = `${subscription}/${producer}`;
      const numbers = seen.get(key) ?? new NumberSet();
      seen.set(key, numbers);
      counts.duplicates += numbers.merge(words);
    }
  }
  for (const { producer, sent, failed } of results.flatMap((result) => result.sentBy)) {
    counts.sent += sent;
    counts.failed += failed;
    counts.acked += sent - failed;
    for (let subscription = 0; subscription < subscriptions; subscription++) {
      const received = seen.get(`${subscription}/${producer}`)?.count ?? 0;
      counts.received += received;
      counts.lost += Math.max(0, sent - failed - received);
    }
  }
  return {
    counts,
    errors: [...new Set(results.flatMap((result) => result.errors))],
    sendFromActual: mergeLatencies(results.map((result) => result.sendFromActual)),
    sendFromIntended: mergeLatencies(results.map((result) => result.sendFromIntended)),
    endToEnd: mergeLatencies(results.map((result) => result.endToEnd)),
  };
}
