import type { Driver } from '../driver.js';

export async function openNats(url: string): Promise<Driver> {
  throw new Error(url);
}
