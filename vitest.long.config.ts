import { defineConfig } from 'vitest/config';
import config, { leftOut } from './vitest.config.ts';

export default defineConfig({
  test: { ...config.test, include: ['dist/test/**/*.long.test.js'], exclude: leftOut },
});
