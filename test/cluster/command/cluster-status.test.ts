/** What `ringmq cluster status` says of a slave that is behind. */
import { describe, expect, it } from 'vitest';
import { type BrokerView, statusText, withPercent } from '../../../cli/cluster/cluster-status.js';

const MASTER: BrokerView = {
  ...{ name: 'a', set: 'a', role: 'master', url: 'ws://127.0.0.1:9876', up: true, pid: null, epoch: 3 },
  ...{ start: 0, end: 9_000, flushed: 9_000, inSync: null, lagBytes: null, lagMs: null },
  ...{ damaged: 0, percent: null, controller: false },
};
const SLAVE: BrokerView = {
  ...MASTER,
  ...{ name: 'a-slave', role: 'slave', start: 1_000, end: 4_000, flushed: 4_000 },
  ...{ inSync: false, lagBytes: 6_000, lagMs: 20_000 },
};
const percents = (...brokers: BrokerView[]) => withPercent(brokers).map(({ percent }) => percent);

describe('a slave that is not in sync', () => {
  it('is told with how much of its set’s log it has, from where its own begins', () => {
    // As its master said, not as it registered itself: 3,000 to 9,000 are missing.
    const brokers = withPercent([MASTER, SLAVE]);
    expect(brokers.map(({ percent }) => percent)).toEqual([null, 25]);
    expect(statusText({ cluster: 'default', mode: null, nameServers: [], brokers })).toMatch(
      /│ a-slave +│ slave +│ up +│.+│ no, 25 % +│ 6000 B, 20\.0 s │/,
    );
  });

  it('has no percentage where nobody can know it', () => {
    expect(percents(MASTER, { ...SLAVE, inSync: true })).toEqual([null, null]);
    expect(percents(MASTER, { ...SLAVE, up: false })).toEqual([null, null]);
    expect(percents({ ...MASTER, up: false }, SLAVE)).toEqual([null, null]);
    expect(percents({ ...MASTER, set: 'b', name: 'b' }, SLAVE)).toEqual([null, null]);
    expect(percents(MASTER, { ...SLAVE, lagBytes: null })).toEqual([null, null]);
  });

  it('whose log is damaged is told below the table', () => {
    const text = (damaged: number | null): string =>
      statusText({
        cluster: 'default',
        mode: null,
        nameServers: [],
        brokers: [MASTER, { ...SLAVE, damaged }],
      });
    expect(text(0)).not.toContain('damaged');
    expect(text(null)).not.toContain('damaged');
    expect(text(2)).toContain('the log of a-slave is damaged in 2 places');
  });

  it('stays between nothing and all, whatever was said when', () => {
    expect(percents(MASTER, { ...SLAVE, lagBytes: 20_000 })).toEqual([null, 0]);
    expect(percents(MASTER, { ...SLAVE, lagBytes: 0 })).toEqual([null, 100]);
    expect(percents({ ...MASTER, end: 0 }, { ...SLAVE, start: 0 })).toEqual([null, 0]);
  });
});
