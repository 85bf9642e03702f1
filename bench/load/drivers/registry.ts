import type { OpenDriver } from '../driver.js';

/** Clients are loaded when they are used: most runs need one of them. */
const DRIVERS = {
  ringmq: async () => (await import('./ringmq.js')).openRingMQ,
  kafka: async () => (await import('./kafka.js')).openKafka,
  nats: async () => (await import('./nats.js')).openNats,
  redis: async () => (await import('./redis.js')).openRedis,
  rabbitmq: async () => (await import('./rabbitmq.js')).openRabbitMQ,
  artemis: async () => (await import('./artemis.js')).openArtemis,
} as const satisfies Record<string, () => Promise<OpenDriver>>;

export type DriverName = keyof typeof DRIVERS;

export const DRIVER_NAMES = Object.keys(DRIVERS) as DriverName[];

export async function findDriver(name: DriverName): Promise<OpenDriver> {
  return DRIVERS[name]();
}
