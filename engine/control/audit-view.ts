/** The audit as control requests ask for it, page by page. */
import { type AuditEntry, type ControlMethods, RingMQError } from '../../native-free/wire/index.js';
import type { AuditState } from '../meta/audit-state.js';
import { nameFilter, Page, pageEnd } from './page.js';

/** What stands around the texts of an entry in an answer. */
const ENTRY_BYTES = 160;
type AuditParams = ControlMethods['listAudit']['params'];

const CURSOR_PATTERN = /^\d{1,15}$/;

/** @throws RingMQError BAD_ARGUMENT (the cursor) */
export function listAudit(
  audit: AuditState,
  { cursor = null, limit, ...wanted }: AuditParams,
): ControlMethods['listAudit']['result'] {
  if (cursor !== null && !CURSOR_PATTERN.test(cursor)) {
    throw new RingMQError('BAD_ARGUMENT', 'a cursor of the audit is the number of an entry');
  }
  const isWanted = wantedBy(wanted);
  audit.expire(Date.now());
  const page = new Page<AuditEntry>(limit === undefined ? {} : { limit });
  let last = cursor === null ? 0 : Number(cursor);
  let isWhole = true;
  for (const entry of audit.from(last + 1)) {
    if (page.isFull) {
      isWhole = false;
      break;
    }
    last = entry.number;
    if (isWanted(entry)) {
      const { user, address, resource, details } = entry;
      page.add(entry, ENTRY_BYTES + user.length + address.length + resource.length + details.length);
    }
  }
  return { entries: page.items, next: `${last}`, ...pageEnd(isWhole ? null : `${last}`) };
}

/** Whether an entry is one of those that were asked for. */
function wantedBy({
  from = null,
  until = null,
  user = null,
  action = null,
  resource = null,
  result = null,
  filter,
}: AuditParams): (entry: AuditEntry) => boolean {
  const hasText = nameFilter(filter);
  const isOn = resourceFilter(resource);
  return (entry) =>
    (from === null || entry.time >= from) &&
    (until === null || entry.time < until) &&
    (user === null || entry.user === user) &&
    (action === null || entry.method === action) &&
    (result === null || entry.result === result) &&
    isOn(entry.resource) &&
    hasText(`${entry.user} ${entry.method} ${entry.resource} ${entry.address} ${entry.code}`);
}

/** As rights name resources: with `*` at its end all that begins so. */
function resourceFilter(wanted: string | null): (resource: string) => boolean {
  if (wanted === null) {
    return () => true;
  }
  const start = wanted.endsWith('*') ? wanted.slice(0, -1) : null;
  return (resource) => (start === null ? resource === wanted : resource.startsWith(start));
}
