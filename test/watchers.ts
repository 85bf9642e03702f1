/** Who waits for something that is looked at after each event. */
export class Watchers {
  readonly #looks: (() => void)[] = [];

  /** Resolves when `condition` holds, which may be now. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (condition()) {
          resolve();
        } else {
          this.#looks.push(look);
        }
      };
      look();
    });
  }

  /** Something has happened. */
  tell(): void {
    for (const look of this.#looks.splice(0)) {
      look();
    }
  }
}
