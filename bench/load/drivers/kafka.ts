import type { Driver } from '../driver.js';

export async function openKafka(url: string): Promise<Driver> {
  throw new Error(url);
}
