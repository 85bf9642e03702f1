import { describe, expect, test } from 'vitest';
import { bothRules } from '../../engine/cluster/ack-rule.js';
import {
  decide,
  type Follower,
  nextInSync,
  quorumOf,
  type SetView,
  type Standing,
} from '../../engine/cluster/leadership.js';
import { LeaseJudge } from '../../engine/cluster/lease-judge.js';
import { fc } from '../properties.js';

const URL_A = 'ws://127.0.0.1:1';

const empty: SetView = {
  leader: null,
  leaderRevision: 0,
  leaderLease: '0',
  term: 0,
  termRevision: 0,
  inSync: null,
  inSyncRevision: 0,
  candidates: [],
};
const slave: Standing = {
  name: 'a-slave',
  url: URL_A,
  lease: '7',
  leads: null,
  isStill: true,
  end: { epoch: 3, position: 640 },
  knows: 3,
  mayFound: false,
  leaderlessMs: 0,
  patienceMs: null,
};
const orphaned: SetView = {
  ...empty,
  term: 3,
  termRevision: 9,
  inSync: { members: ['a', 'a-slave', 'a-slave-2'], required: 2 },
  inSyncRevision: 9,
};

describe('a lease by the own clock', () => {
  test('lasts from when the answered keep-alive was sent, not from its answer', () => {
    // Two times, so that at most one of them can happen to be that of the answer.
    for (const sentAtMs of [1_000, 1_000_000]) {
      const judge = new LeaseJudge();
      judge.answered(sentAtMs, 2);
      expect(judge.isHeld(sentAtMs + 1_700)).toBe(true);
      expect(judge.isHeld(sentAtMs + 2_000)).toBe(false);
    }
  });

  test('an answer that was overtaken takes nothing back; an end does', () => {
    const judge = new LeaseJudge();
    judge.answered(5_000, 2);
    judge.answered(1_000, 2);
    expect(judge.isHeld(6_500)).toBe(true);
    judge.answered(5_500, 0);
    expect(judge.isHeld(5_600)).toBe(false);
  });
});

describe('who is master', () => {
  test('a new set is begun by one that was set up as master, and by nobody else', () => {
    expect(decide(empty, slave)).toMatchObject({ act: 'stay' });
    const decision = decide(empty, { ...slave, name: 'a', mayFound: true });
    expect(decision).toEqual({ act: 'take', epoch: 4, inSync: { members: ['a'], required: 1 } });
  });

  const log = '00000000000000a1';
  const ofLog: SetView = { ...orphaned, inSync: { members: ['a', 'a-slave'], required: 1, log } };

  test('one of another log takes no part, whatever its name and whoever leads', () => {
    const stranger = { ...slave, log: '00000000000000b2' };
    for (const view of [
      ofLog,
      { ...ofLog, leader: { name: 'a', url: URL_A, epoch: 4 } },
      { ...ofLog, leader: { name: 'a-slave', url: URL_A, epoch: 4 } },
    ]) {
      expect(decide(view, stranger)).toMatchObject({ act: 'stand-aside' });
      expect(decide(view, { ...stranger, leads: 4 })).toMatchObject({ act: 'stand-aside' });
    }
    expect(decide(ofLog, { ...slave, log })).toMatchObject({ act: 'announce' });
  });

  test('one whose directory is empty does not stand for a log that it has not, though etcd counts its name', () => {
    const empty = { ...slave, log: '00000000000000b2', end: { epoch: 0, position: 0 }, knows: 0 };
    const patient = { ...empty, isStill: false, leaderlessMs: 60_000, patienceMs: 1 };
    expect(decide(ofLog, empty)).toMatchObject({ act: 'stand-aside' });
    expect(decide(ofLog, patient)).toMatchObject({ act: 'stand-aside' });
    const leader = { name: 'a', url: URL_A, epoch: 4 };
    expect(decide({ ...ofLog, leader }, empty)).toEqual({ act: 'follow', leader });
    // It began the set, and ended before it could write anything.
    expect(decide(ofLog, { ...empty, log })).toMatchObject({ act: 'announce' });
  });

  test('one with another directory than the one that had all stands aside, and follows whoever leads', () => {
    const named = {
      ...orphaned,
      inSync: { members: ['a', 'a-slave'], required: 2, openings: { 'a-slave': 'two' } },
    };
    const own = { ...slave, opening: 'three', openings: ['one', 'two'] };
    expect(decide(named, own)).toMatchObject({ act: 'announce' });
    expect(decide(named, { ...own, opening: 'two', openings: [] })).toMatchObject({ act: 'announce' });
    for (const openings of [[], ['one']]) {
      expect(decide(named, { ...own, openings })).toMatchObject({ act: 'stand-aside' });
      const leader = { name: 'a', url: URL_A, epoch: 4 };
      expect(decide({ ...named, leader }, { ...own, openings })).toEqual({ act: 'follow', leader });
    }
    // Written by a master that does not know of openings, or for a slave that does not say its own.
    const odd = { ...named, inSync: { members: ['a', 'constructor'], required: 2, openings: { a: 'two' } } };
    expect(decide(odd, { ...own, name: 'constructor', openings: [] })).toMatchObject({ act: 'announce' });
    expect(decide(orphaned, { ...own, openings: [] })).toMatchObject({ act: 'announce' });
  });

  test('an empty directory says which log etcd has, whether its name is in the in-sync set or not', () => {
    const empty = { ...slave, name: 'b', log: '00000000000000b2', end: { epoch: 0, position: 0 }, knows: 0 };
    expect(decide(ofLog, empty)).toMatchObject({ act: 'stand-aside', why: expect.stringContaining(log) });
  });

  test('a master of an older term follows the newer one', () => {
    const leader = { name: 'a-slave', url: URL_A, epoch: 4 };
    expect(decide({ ...orphaned, leader }, { ...slave, name: 'a', leads: 3 })).toEqual({
      act: 'follow',
      leader,
    });
  });

  test('a slave outside the in-sync set is never master, however far it is and however long nobody is', () => {
    const far = {
      ...slave,
      name: 'late',
      end: { epoch: 9, position: 1e9 },
      leaderlessMs: 1e9,
      patienceMs: 1,
    };
    expect(decide(orphaned, far)).toMatchObject({ act: 'stay' });
  });

  test('a member stands still before it says how far it is, and says it again when that was another place', () => {
    expect(decide(orphaned, { ...slave, isStill: false })).toEqual({ act: 'stand-still' });
    const candidate = { name: 'a-slave', after: 9, epoch: 3, position: 640 };
    expect(decide(orphaned, slave)).toEqual({ act: 'announce', candidate });
    const stale = { ...orphaned, candidates: [{ ...candidate, position: 576 }] };
    expect(decide(stale, slave)).toEqual({ act: 'announce', candidate });
  });

  test('so many are waited for that one has all that was acked; the furthest of them becomes master', () => {
    const own = { name: 'a-slave', after: 9, epoch: 3, position: 640 };
    const other = { name: 'a-slave-2', after: 9, epoch: 3, position: 704 };
    expect(quorumOf(orphaned.inSync as never)).toBe(2);
    expect(decide({ ...orphaned, candidates: [own] }, { ...slave, leaderlessMs: 1e9 })).toMatchObject({
      act: 'stay',
    });
    expect(decide({ ...orphaned, candidates: [own, other] }, slave)).toMatchObject({ act: 'stay' });
    const second = { ...slave, name: 'a-slave-2', end: { epoch: 3, position: 704 } };
    expect(decide({ ...orphaned, candidates: [own, other] }, second)).toMatchObject({
      act: 'take',
      epoch: 4,
      inSync: { members: ['a-slave-2'], required: 1 },
    });
  });

  describe('of an etcd that was restored from a copy of before its last terms', () => {
    const leader = { name: 'a', url: URL_A, epoch: 3 };

    test('the master goes on with its own term, whether it is in the set of then or not', () => {
      const master = { ...slave, name: 'late', leads: 5, isStill: false, knows: 5 };
      expect(decide({ ...orphaned, leader }, master)).toMatchObject({ act: 'stay' });
      expect(decide(orphaned, master)).toEqual({
        ...{ act: 'take', epoch: 5 },
        inSync: { members: ['late'], required: 1 },
      });
    });

    test('whom the copy names, and who knows of a later term, gives the lease back', () => {
      const named = { ...orphaned, leader, leaderLease: '7' };
      expect(decide(named, { ...slave, name: 'a', knows: 5 })).toMatchObject({ act: 'resign' });
      expect(decide(named, { ...slave, name: 'a', knows: 3 })).toMatchObject({ act: 'lead', epoch: 3 });
    });

    test('without it all members of the set of then are waited for, as any may have fallen behind since', () => {
      const own = { name: 'a-slave', after: 9, epoch: 3, position: 640 };
      const far = { name: 'a', after: 9, epoch: 5, position: 64 };
      const third = { ...own, name: 'a-slave-2' };
      for (const me of [
        { ...slave, patienceMs: 1, leaderlessMs: 1e9, knows: 5 },
        { ...slave, name: 'a', end: { epoch: 5, position: 64 }, knows: 5 },
        slave,
      ]) {
        expect(decide({ ...orphaned, candidates: [own, far] }, me)).toMatchObject({ act: 'stay' });
      }
      const all = { ...orphaned, candidates: [own, far, third] };
      expect(decide(all, slave)).toMatchObject({ act: 'stay' });
      const furthest = { ...slave, name: 'a', end: { epoch: 5, position: 64 }, knows: 5 };
      expect(decide(all, furthest)).toMatchObject({ act: 'take', epoch: 6 });
    });
  });

  test('what a member said in an earlier time without a master counts for nothing', () => {
    const own = { name: 'a-slave', after: 9, epoch: 3, position: 640 };
    const earlier = { name: 'a-slave-2', after: 5, epoch: 3, position: 64 };
    expect(decide({ ...orphaned, candidates: [own, earlier] }, slave)).toMatchObject({ act: 'stay' });
    expect(decide({ ...orphaned, candidates: [{ ...own, after: 5 }] }, slave)).toMatchObject({
      act: 'announce',
    });
  });

  test('a log of a later term is further than a longer one of an earlier term', () => {
    const own = { name: 'a-slave', after: 9, epoch: 3, position: 640 };
    const long = { name: 'a', after: 9, epoch: 2, position: 9_000 };
    expect(decide({ ...orphaned, candidates: [long, own] }, slave)).toMatchObject({ act: 'take' });
  });

  test('without replication that was waited for, patience ends', () => {
    const own = { name: 'a-slave', after: 9, epoch: 3, position: 640 };
    const view = {
      ...orphaned,
      inSync: { members: ['a', 'a-slave'], required: 1 },
      candidates: [own],
    };
    const asked = { ...slave, patienceMs: 1_000 };
    expect(decide(view, { ...asked, leaderlessMs: 900 })).toMatchObject({ act: 'stay' });
    expect(decide(view, { ...asked, leaderlessMs: 1_000 })).toMatchObject({ act: 'take', epoch: 4 });
  });

  test('a master whose lease ended goes on in its term if nobody has led since', () => {
    const master = { ...slave, name: 'a', leads: 3, isStill: false };
    expect(decide(orphaned, master)).toEqual({ act: 'take', epoch: 3, inSync: orphaned.inSync });
    expect(decide({ ...orphaned, term: 4 }, master)).toEqual({ act: 'stand-still' });
  });

  test('a leader by its former life waits for the end of that lease; one whose answer was lost leads', () => {
    const leader = { name: 'a-slave', url: URL_A, epoch: 4 };
    const view = { ...orphaned, term: 4, leader, leaderLease: '6' };
    expect(decide(view, slave)).toMatchObject({ act: 'stay' });
    expect(decide({ ...view, leaderLease: '7' }, slave)).toMatchObject({ act: 'lead', epoch: 4 });
    expect(decide({ ...view, leaderLease: '7' }, { ...slave, leads: 4 })).toMatchObject({ act: 'stay' });
  });
});

describe('the in-sync set', () => {
  const now = { members: ['a', 's1'], required: 2 };
  const at = (name: string, received: number, isInSync = true): Follower => ({ name, received, isInSync });

  test('takes in a slave that has all that was acked, and no other', () => {
    expect(nextInSync({ name: 'a' }, now, [at('s1', 640), at('s2', 640)], 640, 1, false)).toEqual({
      members: ['a', 's1', 's2'],
      required: 2,
    });
    expect(nextInSync({ name: 'a' }, now, [at('s1', 640), at('s2', 576)], 640, 1, false)).toBeNull();
  });

  test('a slave that is there with another directory is named with it once it has all that was acked', () => {
    const me = { name: 'a', opening: 'a1' };
    const named = { ...now, members: ['a', 's1'], required: 2, openings: { a: 'a1', s1: 'one' } };
    const s1 = (received: number, opening: string) => [{ ...at('s1', received), opening }];
    expect(nextInSync(me, named, s1(640, 'one'), 640, 1, false)).toBeNull();
    expect(nextInSync(me, named, s1(576, 'two'), 640, 1, false)).toBeNull();
    expect(nextInSync(me, named, s1(640, 'two'), 640, 1, false)).toEqual({
      members: ['a', 's1'],
      required: 2,
      openings: { a: 'a1', s1: 'two' },
    });
    // While etcd may have the one or the other, it does not count.
    expect(bothRules(named, { ...named, openings: { a: 'a1', s1: 'two' } }).members).toEqual(['a']);
  });

  test('keeps a slave that is gone rather than promise what too few have', () => {
    expect(nextInSync({ name: 'a' }, now, [at('s1', 640, false)], 640, 1, false)).toBeNull();
    expect(nextInSync({ name: 'a' }, now, [at('s1', 640, false)], 640, 1, true)).toEqual({
      members: ['a'],
      required: 1,
    });
  });

  test('lets one go only when the others have what was acked because of it', () => {
    const three = { members: ['a', 's1', 's2'], required: 2 };
    expect(nextInSync({ name: 'a' }, three, [at('s1', 640, false), at('s2', 576)], 640, 1, false)).toBeNull();
    expect(nextInSync({ name: 'a' }, three, [at('s1', 640, false), at('s2', 640)], 640, 1, false)).toEqual({
      members: ['a', 's2'],
      required: 2,
    });
  });

  test('while two sets may hold, acks satisfy both', () => {
    expect(
      bothRules({ members: ['a', 's1'], required: 2 }, { members: ['a', 's1', 's2'], required: 3 }),
    ).toEqual({
      members: ['a', 's1'],
      required: 3,
    });
  });

  test('whatever was acked is on some member of every quorum that elects', () => {
    const members = ['a', 'b', 'c', 'd', 'e'];
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom(...members), { minLength: 1 }),
        fc.integer({ min: 1, max: 5 }),
        fc.infiniteStream(fc.boolean()),
        fc.infiniteStream(fc.boolean()),
        (inSync, required, holds, votes) => {
          fc.pre(required <= inSync.length);
          const holders = inSync.filter(() => holds.next().value);
          const voters = inSync.filter(() => votes.next().value);
          fc.pre(holders.length >= required && voters.length >= quorumOf({ members: inSync, required }));
          expect(voters.some((voter) => holders.includes(voter))).toBe(true);
        },
      ),
    );
  });
});
