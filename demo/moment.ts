/** Something that happens once and is waited for. */
export class Moment {
  come: () => void = () => {};
  readonly passed: Promise<void> = new Promise((resolve) => {
    this.come = resolve;
  });
}
