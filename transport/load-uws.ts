/** The package of the native listener, which need not be there. */
import { createRequire } from 'node:module';
import type { UwsModule } from './uws-types.js';

/** In two parts, or bundlers would follow it. */
const PACKAGE = ['uWebSockets', 'js'].join('.');

/** Loads the optional package; throws whatever loading it threw (it is absent, or has no build for this platform). */
export function loadUws(): UwsModule {
  return createRequire(import.meta.url)(PACKAGE) as UwsModule;
}
