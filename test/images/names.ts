/** What the images of the test are called. */
export const BASE_IMAGE = 'ringmq-base:test';
export const IMAGE = 'ringmq:test';
/** The image that a cluster is updated from. */
export const OLD_IMAGE = 'ringmq:before';
export const ADMIN_PASSWORD = 'a password of the tests alone';
export const SECRET = 'a secret of the tests alone';
/** How the inner program ends. Node itself has 1 for what nobody caught. */
export const STATUS: Readonly<Record<'passed' | 'failed' | 'noEngine', number>> = {
  passed: 0,
  failed: 20,
  noEngine: 21,
};
