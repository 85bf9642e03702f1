/** Things that are told of events as long as somebody else holds them: being in the bag keeps nothing alive. */
export class WeakBag<T extends object> {
  readonly #members = new Map<object, WeakRef<T>>();
  readonly #keys = new WeakMap<T, object>();
  readonly #gone = new FinalizationRegistry<object>((key) => this.#members.delete(key));

  get size(): number {
    return this.#members.size;
  }

  add(member: T): void {
    const key = {};
    this.#keys.set(member, key);
    this.#members.set(key, new WeakRef(member));
    this.#gone.register(member, key, key);
  }

  delete(member: T): void {
    const key = this.#keys.get(member);
    if (key !== undefined) {
      this.#keys.delete(member);
      this.#members.delete(key);
      this.#gone.unregister(key);
    }
  }

  /** Those that are still there. A copy: they come and go while they are told things. */
  all(): T[] {
    const members: T[] = [];
    for (const reference of this.#members.values()) {
      const member = reference.deref();
      if (member !== undefined) {
        members.push(member);
      }
    }
    return members;
  }
}
