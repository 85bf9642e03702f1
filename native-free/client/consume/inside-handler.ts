/**
 * Tells whether a call comes from within a handler of `run`: one that waits there for the end of that very
 * run would hold it up. Handlers are called through a function with a name of its own. V8's stack traces name
 * who awaits, too, so the name shows however deep and late the call is. Engines that do not say so are no
 * worse off than before: they wait out the grace.
 */

let functions = 0;

type Call = <M>(handler: (message: M) => unknown, message: M) => Promise<void>;

/** V8's setting; other engines have none. */
interface StackTraces {
  stackTraceLimit?: number;
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
    const traces = Error as StackTraces;
    const limit = traces.stackTraceLimit;
    traces.stackTraceLimit = Number.POSITIVE_INFINITY;
    const { stack } = new Error('where from');
    if (limit === undefined) {
      delete traces.stackTraceLimit;
    } else {
      traces.stackTraceLimit = limit;
    }
    return stack?.includes(this.#name) === true;
  }
}
