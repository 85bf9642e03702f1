/** What one look at the machine found. */
export interface Finding {
  /** What was looked at, one word. */
  check: string;
  /** `fail`: a broker does not start here, or does not keep its promises. `warn`: it starts, and somebody should know. */
  status: 'ok' | 'warn' | 'fail';
  says: string;
  /** What to do; null where nothing is to be done. */
  advice: string | null;
}

export function ok(check: string, says: string): Finding {
  return { check, status: 'ok', says, advice: null };
}

export function warn(check: string, says: string, advice: string): Finding {
  return { check, status: 'warn', says, advice };
}

export function fail(check: string, says: string, advice: string): Finding {
  return { check, status: 'fail', says, advice };
}
