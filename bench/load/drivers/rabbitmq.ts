import type { Driver } from '../driver.js';

export async function openRabbitMQ(url: string): Promise<Driver> {
  throw new Error(url);
}
