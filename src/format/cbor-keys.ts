/**
 * Map keys of CBOR that were read last. Objects of one kind have the same few keys, and finding one
 * costs less than putting it together again. Only short ASCII keys: one byte for each unit.
 */

const lengthMax = 24;
/** By hash; a key that has the slot of another takes it. */
const keys = Array.from<string | undefined>({ length: 512 });

/** The key that these bytes are, if it is known. */
export function findKnownKey(bytes: Uint8Array, start: number, length: number): string | undefined {
  const known = length <= lengthMax ? keys[slotOf(bytes, start, length)] : undefined;
  if (known?.length !== length) {
    return undefined;
  }
  for (let i = 0; i < length; i++) {
    if (known.charCodeAt(i) !== bytes[start + i]) {
      return undefined;
    }
  }
  return known;
}

/** `key` is what was read from there on. */
export function rememberKey(bytes: Uint8Array, start: number, key: string): void {
  const { length } = key;
  if (length > lengthMax) {
    return;
  }
  for (let i = 0; i < length; i++) {
    if (key.charCodeAt(i) > 0x7f) {
      return;
    }
  }
  keys[slotOf(bytes, start, length)] = key;
}

function slotOf(bytes: Uint8Array, start: number, length: number): number {
  const end = Math.min(start + length, bytes.length);
  let hash = length;
  for (let i = start; i < end; i++) {
    hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) & (keys.length - 1);
}
