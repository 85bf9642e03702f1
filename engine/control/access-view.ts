/** Users, roles and grants as control requests ask for them: changes made, lists page by page. */

import type { ControlMethods, PageParams, PageResult } from '../../native-free/wire/index.js';
import { AccessAdmin } from '../access/access-admin.js';
import type { AccessDesk } from '../access/access-desk.js';
import { fitting } from '../meta/access-merge.js';
import type { ControlLog } from './control-log.js';
import { firstAfter, Page, pageEnd } from './page.js';

type AccessMethod =
  | 'createUser'
  | 'setPassword'
  | 'setRoles'
  | 'setLimits'
  | 'listUsers'
  | 'deleteUser'
  | 'createRole'
  | 'listRoles'
  | 'deleteRole'
  | 'grant'
  | 'revoke'
  | 'listGrants'
  | 'accessRecords'
  | 'testAccess';

type AccessHandlers = {
  [M in AccessMethod]: (
    params: ControlMethods[M]['params'],
  ) => ControlMethods[M]['result'] | Promise<ControlMethods[M]['result']>;
};

/** What stands around a grant in an answer. */
const GRANT_BYTES = 64;

export class AccessView {
  readonly #admin: AccessAdmin;

  constructor(log: ControlLog, desk: AccessDesk) {
    this.#admin = new AccessAdmin({
      state: log.state.access,
      desk,
      append: (records) => log.append(records.map((record) => fitting(record, log.maxRecordBytes))),
    });
  }

  /** Another master's records. Resolves with how many were newer. */
  take(records: readonly unknown[]): Promise<number> {
    return this.#admin.take(records);
  }

  handlers(): AccessHandlers {
    const admin = this.#admin;
    return {
      createUser: (params) => admin.createUser(params),
      setPassword: (params) => admin.setPassword(params),
      setRoles: (params) => admin.setRoles(params),
      setLimits: (params) => admin.setLimits(params),
      listUsers: (params) => {
        const { items, ...end } = pageOf(admin.users(), ({ user }) => user, params);
        return { users: items, ...end };
      },
      deleteUser: (params) => admin.deleteUser(params),
      createRole: (params) => admin.createRole(params),
      listRoles: (params) => {
        const { items, ...end } = pageOf(admin.roles(), ({ role }) => role, params);
        return { roles: items, ...end };
      },
      deleteRole: (params) => admin.deleteRole(params),
      grant: (params) => admin.grant(params),
      revoke: (params) => admin.revoke(params),
      listGrants: (params) => {
        const { items, ...end } = pageOf(admin.grants(), ({ name }) => name, params);
        return { grants: items.flatMap(({ rows }) => rows), ...end };
      },
      accessRecords: ({ digest = null, ...page }) => {
        const { items, ...end } = pageOf(admin.records(digest), ({ name }) => name, page);
        return { records: items, ...end };
      },
      testAccess: (params) => admin.test(params),
    };
  }
}

function pageOf<T extends object>(
  sorted: readonly T[],
  keyOf: (item: T) => string,
  { cursor = null, limit }: PageParams,
): { items: T[] } & PageResult {
  const page = new Page<T>(limit === undefined ? {} : { limit });
  let at = firstAfter(sorted, keyOf, cursor);
  for (; at < sorted.length && !page.isFull; at++) {
    const item = sorted[at] as T;
    const rows =
      'grants' in item ? (item.grants as unknown[]) : 'rows' in item ? (item.rows as unknown[]) : [];
    page.add(item, GRANT_BYTES + JSON.stringify(rows).length);
  }
  const last = sorted[at - 1];
  return { items: page.items, ...pageEnd(at < sorted.length && last !== undefined ? keyOf(last) : null) };
}
