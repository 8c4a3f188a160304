/** How many bytes CBOR takes, without making them (cbor.ts). */
import { utf8Length } from "../document/size.ts";
import { assert } from "../errors.ts";

export const depthMax = 32;

/** Bytes that `encodeCbor` makes of the value. */
export function cborLength(value: unknown, depth = 0): number {
  if (typeof value === "string") {
    const length = utf8Length(value);
    return headLength(length) + length;
  }
  if (typeof value === "number") {
    return isPlainInteger(value) ? headLength(value < 0 ? -1 - value : value) : 9;
  }
  if (typeof value === "bigint") {
    return headLength(Number(value < 0n ? -1n - value : value));
  }
  return typeof value === "boolean" ? 1 : compoundLength(value, depth);
}

function compoundLength(value: unknown, depth: number): number {
  assert(depth < depthMax, "CBOR nests too deeply");
  if (value === null) {
    return 1;
  }
  if (value instanceof Uint8Array) {
    return headLength(value.length) + value.length;
  }
  if (Array.isArray(value)) {
    let length = headLength(value.length);
    for (let i = 0; i < value.length; i++) {
      length += cborLength(value[i], depth + 1);
    }
    return length;
  }
  assert(isPlainObject(value), `CBOR cannot hold this ${typeof value}`);
  const entries = Object.entries(value);
  let length = headLength(entries.length);
  for (const [key, member] of entries) {
    length += cborLength(key) + cborLength(member, depth + 1);
  }
  return length;
}

/** Maps, dates and other classes would be written as what they are not. */
export function isPlainObject(value: unknown): value is object {
  const prototype: unknown = typeof value === "object" ? Object.getPrototypeOf(value) : undefined;
  return prototype === Object.prototype || prototype === null;
}

export function isPlainInteger(value: number): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}

/** Bytes of the first byte and the argument that follows it. */
export function headLength(argument: number): number {
  if (argument < 0x18) {
    return 1;
  }
  return argument < 0x100 ? 2 : argument < 0x1_0000 ? 3 : argument < 0x1_0000_0000 ? 5 : 9;
}
