/** The audit as control requests ask for it, page by page. */
import { type AuditEntry, type ControlMethods, RingMQError } from '../../native-free/wire/index.js';
import type { AuditState } from '../meta/audit-state.js';
import { nameFilter, Page, pageEnd } from './page.js';

/** What stands around the texts of an entry in an answer. */
const ENTRY_BYTES = 160;
const CURSOR_PATTERN = /^\d{1,15}$/;

/** @throws RingMQError BAD_ARGUMENT (the cursor) */
export function listAudit(
  audit: AuditState,
  { cursor = null, limit, from = null, filter }: ControlMethods['listAudit']['params'],
): ControlMethods['listAudit']['result'] {
  if (cursor !== null && !CURSOR_PATTERN.test(cursor)) {
    throw new RingMQError('BAD_ARGUMENT', 'a cursor of the audit is the number of an entry');
  }
  const isWanted = nameFilter(filter);
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
    const { user, address, method, resource, details, code } = entry;
    const isInTime = from === null || entry.time >= from;
    if (isInTime && isWanted(`${user} ${method} ${resource} ${address} ${code}`)) {
      page.add(entry, ENTRY_BYTES + user.length + address.length + resource.length + details.length);
    }
  }
  return { entries: page.items, next: `${last}`, ...pageEnd(isWhole ? null : `${last}`) };
}
