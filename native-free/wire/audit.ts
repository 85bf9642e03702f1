/** What is written down of administrative work: who did what from where, and what came of it. */
import type { ErrorCode } from './errors.js';

/** `denied`: for want of a right, or of a login. `failed`: for any other reason, which `code` says. */
export const AUDIT_RESULTS = ['done', 'denied', 'failed'] as const;
export type AuditResult = (typeof AUDIT_RESULTS)[number];

/** What is known of it where it happens. */
export interface AuditFacts {
  /** Who has logged in; of a login that failed, who it said it was. Empty: nobody logs in there, or it is the host's own process. */
  user: string;
  /** The client's address, without its port. */
  address: string;
  /** Of the broker's thread, as in its log. */
  connection: string;
  /** A method of control requests; `login`; `audit`: something of the log of these itself. */
  method: string;
  /** `topic:NAME`, `group:NAME`, `user:NAME`, `role:NAME`, `grants:NAME` (of a user or role), `cluster`, or empty. */
  resource: string;
  /** What of it, for people. */
  details: string;
  result: AuditResult;
  /** Of the error; empty: there was none. */
  code: ErrorCode | '';
  /** How many alike this stands for; those of a flood are not written one by one. */
  count: number;
}

export interface AuditEntry extends AuditFacts {
  /** Rises by one from entry to entry of a broker set. */
  number: number;
  /** Milliseconds since 1970. */
  time: number;
  /** Where entries of several sets are listed together: whose it is. */
  brokerSet?: string;
}

/** The topic that has each entry as a message, in JSON. */
export const AUDIT_TOPIC = '%AUDIT';
/** Characters of each text of an entry. */
export const MAX_AUDIT_TEXT = 256;
