/** What a recovery found damaged, as warnings. */
import type { Recovery } from '../log/index.js';

export function tellDamage(
  { damage, unlistedDamage }: Recovery,
  warn: (message: string, details: Record<string, unknown>) => void,
): void {
  for (const place of damage) {
    warn(`damage in the log: ${place.what}`, { ...place });
  }
  if (unlistedDamage > 0) {
    warn(
      `damage in the log: ${unlistedDamage} places more than are told one by one; see \`ringmq log verify\``,
      { unlisted: unlistedDamage },
    );
  }
}
