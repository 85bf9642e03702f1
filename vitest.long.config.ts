import { defineConfig } from 'vitest/config';
import config, { leftOut } from './vitest.config.ts';

const { projects: _, ...shared } = config.test ?? {};

export default defineConfig({
  test: { ...shared, include: ['dist/test/**/*.long.test.js'], exclude: leftOut },
});
