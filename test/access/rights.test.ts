/** What grants add up to: by name, by prefix, and by nothing else. */
import { describe, expect, it } from 'vitest';
import { ADMIN_GRANTS, grantFault, Rights } from '../../native-free/wire/index.js';

describe('rights', () => {
  it('are denied unless granted', () => {
    const rights = new Rights([]);
    for (const resource of ['topic:orders', 'group:billing', 'cluster', 'topic:', '']) {
      expect(rights.may('publish', resource), resource).toBe(false);
      expect(rights.may('manage', resource), resource).toBe(false);
      expect(rights.sees(resource), resource).toBe(false);
    }
  });

  it('are apart from each other, and each lets its resource be seen', () => {
    const rights = new Rights([{ right: 'publish', resource: 'topic:orders' }]);
    expect(rights.may('publish', 'topic:orders')).toBe(true);
    expect(rights.may('subscribe', 'topic:orders')).toBe(false);
    expect(rights.may('manage', 'topic:orders')).toBe(false);
    expect(rights.sees('topic:orders')).toBe(true);
    expect(rights.sees('group:orders')).toBe(false);
  });

  it('by name are of that name alone', () => {
    const rights = new Rights([{ right: 'publish', resource: 'topic:orders' }]);
    for (const other of ['topic:order', 'topic:orders2', 'topic:Orders', 'topic:orders/', 'topic:x/orders']) {
      expect(rights.may('publish', other), other).toBe(false);
    }
  });

  it('by prefix are of names that begin so, and of no other kind of thing', () => {
    const rights = new Rights([{ right: 'subscribe', resource: 'topic:eu/*' }]);
    expect(rights.may('subscribe', 'topic:eu/orders')).toBe(true);
    expect(rights.may('subscribe', 'topic:eu/')).toBe(true);
    for (const other of ['topic:eu', 'topic:europe', 'topic:EU/orders', 'topic:x/eu/orders', 'group:eu/a']) {
      expect(rights.may('subscribe', other), other).toBe(false);
    }
  });

  it("do not take in the broker's own names by a general prefix", () => {
    const topics = new Rights([{ right: 'subscribe', resource: 'topic:*' }]);
    expect(topics.may('subscribe', 'topic:orders')).toBe(true);
    expect(topics.may('subscribe', 'topic:%AUDIT')).toBe(false);
    const own = new Rights([{ right: 'subscribe', resource: 'topic:%DLQ%*' }]);
    expect(own.may('subscribe', 'topic:%DLQ%billing')).toBe(true);
    expect(own.may('subscribe', 'topic:%AUDIT')).toBe(false);
    expect(new Rights(ADMIN_GRANTS).may('subscribe', 'topic:%AUDIT')).toBe(true);
  });

  it('on all topics are none on the cluster', () => {
    const rights = new Rights([
      { right: 'manage', resource: 'topic:*' },
      { right: 'manage', resource: 'group:*' },
    ]);
    expect(rights.may('manage', 'cluster')).toBe(false);
  });
});

describe('a grant', () => {
  it.each(['*', 'topic:a', 'topic:a*', 'topic:*', 'topic:%DLQ%a', 'group:a.b_c/d-e', 'cluster'])(
    'may be on %s',
    (resource) => {
      expect(grantFault('manage', resource)).toBeNull();
    },
  );

  it.each([
    'topic:',
    'topic',
    'a',
    '',
    'topic:a*b',
    'topic:**',
    'topic:a\n',
    'topic:a b',
    'Topic:a',
    'cluster:a',
    'topic:%',
    `topic:${'a'.repeat(128)}`,
    'topic:a,group:b',
    ' topic:a',
  ])('may not be on %j', (resource) => {
    expect(grantFault('manage', resource)).not.toBeNull();
  });

  it('gives rights that there are, where they mean something', () => {
    expect(grantFault('write', 'topic:a')).not.toBeNull();
    expect(grantFault('publish', 'cluster')).not.toBeNull();
    expect(grantFault('publish', 'group:a')).not.toBeNull();
  });
});
