/**
 * Numbers of so many bits each, lowest bit first, up to a whole byte. Widths are 0 to 24 or 32: a
 * number of up to 24 bits and what is left of the byte before it fit 32.
 */
const bitsMax = 24;
const wholeBits = 32;

/** The least width that all of them fit. */
export function bitsOf(values: Uint32Array): number {
  let all = 0;
  for (let i = 0; i < values.length; i++) all |= values[i] as number;
  const bits = 32 - Math.clz32(all);
  return bits > bitsMax ? wholeBits : bits;
}

export function isWidth(bits: number): boolean {
  return (bits >= 0 && bits <= bitsMax) || bits === wholeBits;
}

export function packedBytes(count: number, bits: number): number {
  return Math.ceil((count * bits) / 8);
}

export function packBits(values: Uint32Array, bits: number): Uint8Array {
  const packed = new Uint8Array(packedBytes(values.length, bits));
  if (bits === wholeBits) {
    const view = new DataView(packed.buffer);
    for (let i = 0; i < values.length; i++) view.setUint32(4 * i, values[i] as number, true);
    return packed;
  }
  let at = 0;
  let held = 0;
  let heldBits = 0;
  for (let i = 0; i < values.length; i++) {
    held |= (values[i] as number) << heldBits;
    heldBits += bits;
    while (heldBits >= 8) {
      packed[at++] = held;
      held >>>= 8;
      heldBits -= 8;
    }
  }
  if (heldBits > 0) packed[at] = held;
  return packed;
}

/** `count` numbers into `to`, from index `from` on. */
export function unpackBits(
  packed: Uint8Array,
  bits: number,
  to: Uint32Array,
  from: number,
  count: number,
): void {
  if (bits === wholeBits) {
    const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
    for (let i = 0; i < count; i++) to[from + i] = view.getUint32(4 * i, true);
    return;
  }
  const mask = 2 ** bits - 1;
  let at = 0;
  let held = 0;
  let heldBits = 0;
  for (let i = from; i < from + count; i++) {
    while (heldBits < bits) {
      held |= (packed[at++] as number) << heldBits;
      heldBits += 8;
    }
    to[i] = held & mask;
    held >>>= bits;
    heldBits -= bits;
  }
}
