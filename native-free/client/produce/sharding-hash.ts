/** Which queue a sharding key belongs to: every producer, in any language, must come to the same. */
import { badMessage } from '../../batch/message-parts.js';
import { encodeUtf8 } from '../../batch/text.js';

/**
 * FNV-1a over the key's UTF-8 bytes, its bits then mixed (MurmurHash3's finalizer) because FNV's low bits are
 * poor. Unsigned 32 bits; never changes. Throws `BAD_MESSAGE` for what is no text.
 */
export function shardingHash(key: string): number {
  if (typeof key !== 'string') {
    throw badMessage('shardingKey', `must be a string, not ${key === null ? 'null' : typeof key}`);
  }
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i);
    if (unit > 0x7f) {
      return mix(hashBytes(encodeUtf8(key)));
    }
    hash = Math.imul(hash ^ unit, 0x01000193);
  }
  return mix(hash);
}

function hashBytes(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash;
}

function mix(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
