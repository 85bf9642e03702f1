import { describe, expect, it } from 'vitest';
import { decide, proofOf } from '../../engine/replica/handshake.js';
import { ReplicaDesk } from '../../engine/replica/replica-desk.js';
import { ReplicaRow } from '../../engine/replica/replica-row.js';
import { MAX_REPLICAS, REPLICAS_BYTES } from '../../engine/term/replica-layout.js';
import { ReplicaMarks } from '../../engine/term/replica-marks.js';
import { FACT_FLAG, type ReplicaFacts } from '../../native-free/wire/index.js';

const SECRET = new TextEncoder().encode('0123456789abcdef');
const EPOCHS = [{ epoch: 1, position: 0, time: 1 }];
const facts = (name: string, given: Partial<ReplicaFacts> = {}): ReplicaFacts => ({
  start: 0,
  end: 640,
  spanBytes: 4096,
  flags: 0,
  brokerId: '0123456789abcdef',
  epoch: 1,
  epochs: EPOCHS,
  begin: 0,
  committed: 0,
  name,
  set: 's',
  cluster: 'c',
  ...given,
});

class Rig {
  now = 0;
  readonly fencedBy: number[] = [];
  isMaster = true;
  readonly marks = new ReplicaMarks(new SharedArrayBuffer(REPLICAS_BYTES));
  readonly desk: ReplicaDesk;

  constructor(secret: Uint8Array | null = SECRET, minInSync = 2) {
    this.marks.setUp({ replication: 'sync', minInSync, onMissingSlave: 'refuse' }, 0);
    this.desk = new ReplicaDesk({
      marks: this.marks,
      secrets: secret === null ? null : { all: [secret] },
      maxLagMs: 1_000,
      facts: () => facts('master'),
      isMaster: () => this.isMaster,
      state: () => new Uint8Array([1]),
      toBytes: (slots) => slots * 64,
      onFenced: (epoch) => this.fencedBy.push(epoch),
      onSlave: () => undefined,
      now: () => this.now,
    });
  }

  /** A slave connects and has everything. */
  connect(name: string): ReplicaRow {
    const { row, link } = this.desk.greet(facts(name));
    const made = new ReplicaRow(
      this.marks,
      row,
      link,
      { maxLagBytes: 1_000, maxLagMs: 1_000 },
      (bytes) => bytes / 64,
    );
    made.heard(640, 640, 640, this.now);
    return made;
  }
}

describe('a master’s desk', () => {
  it('does not count whoever gets the row of a slave that a controller has in the set', () => {
    const rig = new Rig();
    rig.desk.countBy({ members: ['one'], required: 1 });
    for (let i = 0; i < MAX_REPLICAS; i++) {
      rig.connect(i === 0 ? 'one' : `other-${i}`);
    }
    expect(rig.marks.inSyncCount()).toBe(1);
    rig.now += 2_000;
    rig.desk.sweep();
    rig.connect('new');
    rig.connect('other-7');
    expect(rig.desk.list().map(({ name }) => name)).not.toContain('one');
    expect(rig.marks.inSyncCount()).toBe(0);
    rig.now += 2_000;
    rig.desk.sweep();
    rig.connect('one');
    expect(rig.marks.inSyncCount()).toBe(1);
  });

  it('has only those in sync whom a controller has in the set, and tells which others could be', () => {
    const rig = new Rig();
    const inSync = (list: { name: string; inSync: boolean }[]): string[] =>
      list.filter((slave) => slave.inSync).map(({ name }) => name);
    rig.desk.countBy({ members: [], required: 0 });
    rig.connect('one');
    rig.connect('two');
    expect(inSync(rig.desk.list())).toEqual([]);
    expect(inSync(rig.desk.near())).toEqual(['one', 'two']);
    rig.desk.countBy({ members: ['two', 'master'], required: 1 });
    expect(inSync(rig.desk.list())).toEqual(['two']);
  });

  it('counts a slave once, however many connections it has', () => {
    const rig = new Rig();
    rig.connect('one');
    rig.connect('one');
    expect(rig.marks.inSyncCount()).toBe(1);
    expect(rig.marks.refuses()).toBe(true);
    expect(rig.marks.watermark('received', 10)).toBe(0);
    rig.connect('two');
    expect(rig.marks.watermark('received', 10)).toBe(10);
    expect(rig.desk.list().map(({ name, inSync, received }) => [name, inSync, received])).toEqual([
      ['one', true, 640],
      ['two', true, 640],
    ]);
  });

  it('does not count a slave whose connection’s thread is silent', () => {
    const rig = new Rig();
    rig.connect('one');
    rig.now = 1_000;
    expect(rig.desk.sweep()).toBe(false);
    rig.now = 1_001;
    expect(rig.desk.sweep()).toBe(true);
    expect(rig.marks.inSyncCount()).toBe(0);
  });

  it('has room for eight slaves, and for a ninth when one is gone', () => {
    const rig = new Rig();
    const rows = Array.from({ length: MAX_REPLICAS }, (_, i) => rig.connect(`slave-${i}`));
    expect(() => rig.connect('ninth')).toThrow('limit');
    rows[3]?.gone();
    rig.connect('ninth');
    expect(rig.desk.list().map(({ name }) => name)).not.toContain('slave-3');
  });

  it('lets in who knows the secret, and without one loopback alone', () => {
    const [s, m] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    const open = new Rig(null);
    const nothing = proofOf(new Uint8Array(0), 'slave', s, m);
    expect(open.desk.prove(s, m, nothing, '127.0.0.1')).toEqual(proofOf(new Uint8Array(0), 'master', s, m));
    expect(open.desk.prove(s, m, nothing, '::ffff:127.0.0.1')).not.toBeNull();
    expect(open.desk.prove(s, m, nothing, '10.0.0.9')).toBeNull();
    const closed = new Rig();
    expect(closed.desk.prove(s, m, nothing, '127.0.0.1')).toBeNull();
    expect(closed.desk.prove(s, m, proofOf(SECRET, 'slave', s, m), '10.0.0.9')).toEqual(
      proofOf(SECRET, 'master', s, m),
    );
  });

  it('gives the state to who begins anew or has to cut, and to nobody else', () => {
    const { desk } = new Rig();
    expect(desk.greet(facts('behind', { end: 64 })).state).toBeNull();
    expect(desk.greet(facts('ahead', { end: 704 })).state).not.toBeNull();
    const fresh = desk.greet(facts('new', { flags: FACT_FLAG.isNew, end: 0, epochs: [], spanBytes: 0 }));
    expect(fresh.state).not.toBeNull();
    expect(fresh.facts.flags & FACT_FLAG.hasState).not.toBe(0);
  });

  it('gives the state to one whose own knows a term that this master never had, though its log ends before that', () => {
    const { desk } = new Rig();
    const own = [...EPOCHS, { epoch: 2, position: 640, time: 7 }];
    expect(desk.greet(facts('of another master', { epochs: own })).state).not.toBeNull();
  });

  it('has a new slave begin with the oldest that is still there', () => {
    const master = facts('master', { start: 8_192, end: 40_960 });
    const fresh = facts('new', { flags: FACT_FLAG.isNew, end: 0, epochs: [], spanBytes: 0 });
    expect(decide(master, fresh)).toEqual({ kind: 'anew', position: 8_192 });
    expect(decide(master, facts('gone for long', { end: 4_096 }))).toEqual({ kind: 'anew', position: 8_192 });
  });

  it('is a master’s alone, and is told of a later one', () => {
    const rig = new Rig();
    expect(() => rig.desk.greet(facts('one', { epoch: 2 }))).toThrow('later master');
    expect(rig.fencedBy).toEqual([2]);
    rig.isMaster = false;
    expect(() => rig.desk.greet(facts('one'))).toThrow(expect.objectContaining({ code: 'NOT_MASTER' }));
  });
});
