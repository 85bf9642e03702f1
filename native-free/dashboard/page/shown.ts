/** Waiting of a page that may be in the background meanwhile, for hours. */
import { clearTimeout, setTimeout } from '../../time/index.js';

/**
 * Calls back after so long, or where the page is hidden then, as soon as it is shown again: till then nothing runs.
 * Returns what ends that.
 */
export function onceShown(ms: number, callback: () => void): () => void {
  const due = (): void => {
    if (!document.hidden) {
      cancel();
      callback();
    }
  };
  const timer = setTimeout(() => {
    document.addEventListener('visibilitychange', due);
    due();
  }, ms);
  const cancel = (): void => {
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', due);
  };
  return cancel;
}
