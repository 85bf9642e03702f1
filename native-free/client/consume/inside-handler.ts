/**
 * Tells whether a call comes from within a handler of `run`: one that waits there for the end of that very
 * run would hold it up. Handlers are called through a function with a name of its own. V8's stack traces name
 * who awaits, too, so the name shows however deep and late the call is. Engines that do not say so are no
 * worse off than before: they wait out the grace.
 */

let functions = 0;

type Call = <M>(handler: (message: M) => unknown, message: M) => Promise<void>;

/**
 * Who is at work here, and who waits for that. V8's settings say how much of it is told and in which form; other engines have none. They may be
 * the program's own, or frozen: then what is told has to do.
 */
function wholeStack(): string {
  const limit = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit');
  const prepare = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  Reflect.set(Error, 'stackTraceLimit', Number.POSITIVE_INFINITY);
  Reflect.set(Error, 'prepareStackTrace', undefined);
  try {
    return String(new Error('where from').stack);
  } catch {
    return '';
  } finally {
    restore('stackTraceLimit', limit);
    restore('prepareStackTrace', prepare);
  }
}

function restore(name: string, property: PropertyDescriptor | undefined): void {
  if (property === undefined) {
    Reflect.deleteProperty(Error, name);
  } else {
    Reflect.defineProperty(Error, name, property);
  }
}

export class HandlerCalls {
  readonly #name = `ringmq-handler-${++functions}`;
  readonly #call: Call;

  constructor() {
    const name = this.#name;
    // Computed, so that no bundler gives it another name.
    const functionOf = {
      [name]: async <M>(handler: (message: M) => unknown, message: M): Promise<void> => {
        await handler(message);
      },
    };
    this.#call = functionOf[name] as Call;
  }

  /** Calls the handler; resolves when it has returned. */
  run<M>(handler: (message: M) => unknown, message: M): Promise<void> {
    return this.#call(handler, message);
  }

  /** True: this is being called by one of the handlers. */
  get isInside(): boolean {
    return wholeStack().includes(this.#name);
  }
}
