import type { Driver } from '../driver.js';

export async function openArtemis(url: string): Promise<Driver> {
  throw new Error(url);
}
