/** Calls a user's callback. What it throws surfaces as an uncaught error of the process, not inside the connection. */
export function callUser<A extends unknown[]>(
  callback: ((...args: A) => void) | undefined,
  ...args: A
): void {
  if (callback === undefined) {
    return;
  }
  try {
    callback(...args);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
