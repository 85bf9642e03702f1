/** How public objects look in `console.log` and in a debugger's prompt. */

/** Node looks this method up; browsers know nothing of it. */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

/** An object that is shown as `Name { fact: value, … }`. */
export function shown(name: string, facts: object): object {
  const named = class {};
  Object.defineProperty(named, 'name', { value: name });
  return Object.assign(new named(), facts);
}
