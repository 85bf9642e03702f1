/** What a pool's thread is given to do. */
export function run(given: unknown): unknown {
  return given;
}
