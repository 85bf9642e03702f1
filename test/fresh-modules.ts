/**
 * Before each file of tests that share a process: what the last one imported of `test/` is forgotten, so that
 * helpers have their own state and hooks in each. What is tested stays loaded, which is most of the time saved.
 */
import { vi } from 'vitest';

vi.resetModules();
