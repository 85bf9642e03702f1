/**
 * Imported before `ws`, which asks for the optional package `bufferutil` when it is loaded. Where that is not
 * installed a bundler may have put something empty in its place, and `ws` fails with the first message. So
 * `ws` is told not to look for what is not there.
 */
import { createRequire } from 'node:module';

const SWITCH = 'WS_NO_BUFFER_UTIL';
/** In two parts, or bundlers would follow it. */
const PACKAGE = ['buffer', 'util'].join('');

const isSet = isInstalled() || process.env[SWITCH] !== undefined ? false : setSwitch();

function isInstalled(): boolean {
  try {
    createRequire(import.meta.url).resolve(PACKAGE);
    return true;
  } catch {
    return false;
  }
}

/** False where the environment cannot be changed. */
function setSwitch(): boolean {
  try {
    process.env[SWITCH] = '1';
    return true;
  } catch {
    return false;
  }
}

/** `ws` is loaded: the environment is as it was, for whatever this process starts. */
export function afterWs(): void {
  if (isSet) {
    delete process.env[SWITCH];
  }
}
