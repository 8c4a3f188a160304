/**
 * Typed arrays over regions of a byte string: a view when the region is aligned in its buffer, else
 * a copy. Formats keep hot regions aligned to 16 bytes so that they are used as they lie. Every
 * platform that runs JavaScript here is little-endian, like the formats.
 */
import { corrupt } from "../errors.ts";

export function f32View(bytes: Uint8Array, offset: number, count: number): Float32Array {
  const region = alignedRegion(bytes, offset, 4, count);
  return new Float32Array(region.buffer, region.byteOffset, count);
}

export function u32View(bytes: Uint8Array, offset: number, count: number): Uint32Array {
  const region = alignedRegion(bytes, offset, 4, count);
  return new Uint32Array(region.buffer, region.byteOffset, count);
}

export function u16View(bytes: Uint8Array, offset: number, count: number): Uint16Array {
  const region = alignedRegion(bytes, offset, 2, count);
  return new Uint16Array(region.buffer, region.byteOffset, count);
}

export function i8View(bytes: Uint8Array, offset: number, count: number): Int8Array {
  const region = alignedRegion(bytes, offset, 1, count);
  return new Int8Array(region.buffer, region.byteOffset, count);
}

/** The bytes of a typed array, shared, not copied. */
export function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function alignedRegion(bytes: Uint8Array, offset: number, width: number, count: number) {
  const size = width * count;
  if (!(offset >= 0 && count >= 0 && size <= bytes.length - offset && Number.isInteger(count))) {
    throw corrupt(`${count} values of ${width} bytes do not fit at byte ${offset}`);
  }
  const region = bytes.subarray(offset, offset + size);
  return region.byteOffset % width === 0 ? region : region.slice();
}
