import type { Driver } from '../driver.js';

export async function openRedis(url: string): Promise<Driver> {
  throw new Error(url);
}
