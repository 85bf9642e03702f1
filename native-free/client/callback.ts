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

/** The callback for who cannot have it throw: told as by {@link callUser}. */
export function guarded<A extends unknown[]>(
  callback: ((...args: A) => void) | undefined,
): (...args: A) => void {
  return (...args) => callUser(callback, ...args);
}
