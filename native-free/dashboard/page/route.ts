/** Where the person is: behind the `#`, so that no server is told. Names of things, and nothing else. */
import { computed, signal } from '@preact/signals';

const hash = signal(location.hash);
addEventListener('hashchange', () => {
  hash.value = location.hash;
});

/** The parts of the place: `#/topics/orders` is `topics`, `orders`. Names may have slashes, so each part is encoded. */
export const place = computed<readonly string[]>(() => {
  const parts = hash.value.replace(/^#\/?/, '').split('/').filter(Boolean).map(decoded);
  return parts.length === 0 ? ['overview'] : parts;
});

export function href(...parts: readonly string[]): string {
  return `#/${parts.map(encodeURIComponent).join('/')}`;
}

export function go(...parts: readonly string[]): void {
  location.hash = href(...parts);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
