/** How long lists are asked for and answered. */

/**
 * A list comes page by page, sorted by name, and then by queue. An answer has at most `limit` items (absent:
 * 1,000; never over 10,000) and about 1 MiB. `cursor` absent or null: the first page; else what the answer
 * before gave.
 */
export interface PageParams {
  cursor?: string | null;
  limit?: number;
}

/** Of a list of names. `filter`: only those that have this in their name, whatever its case. At most 255 characters. */
export interface NamedPageParams extends PageParams {
  filter?: string;
}

export interface PageResult {
  /** To ask on with; null when `complete`. */
  cursor: string | null;
  complete: boolean;
}
