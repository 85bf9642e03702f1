/**
 * Calls of an iterator's `next` may overlap: whoever gives up waiting, after a time of his own, and asks again has two of them. They are served one
 * after the other, as those of a generator are.
 */
export function oneAtATime<T>(work: () => Promise<T>): () => Promise<T> {
  let last: Promise<T> | null = null;
  return () => {
    const done = last === null ? work() : last.then(work, work);
    last = done;
    const clear = () => {
      if (last === done) {
        last = null;
      }
    };
    done.then(clear, clear);
    return done;
  };
}
