/** By the name that a page calls them by. */
export type Texts = Readonly<Record<string, readonly [en: string, zh: string]>>;
