/**
 * Components of dense vectors at rest, little-endian, row after row:
 *
 *   f32   4 bytes, IEEE 754 single     f16   2 bytes, IEEE 754 half     i8   1 byte, signed
 *
 * They are computed with as f32, which holds each of them exactly. Many at once stay in the width
 * they are stored in (`VectorValues`) and are widened a slice at a time.
 */
import { decodeF16, encodeF16 } from "../bytes/f16.ts";
import { f32View, i8View, u16View } from "../bytes/typed-view.ts";
import type { VectorValues } from "../document/batch.ts";
import { elementBytes, type VectorElement } from "../document/schema.ts";
import { corrupt } from "../errors.ts";

const infinityF16 = 0x7c00;

export function allocateVectors(element: VectorElement, count: number): VectorValues {
  switch (element) {
    case "f32":
      return new Float32Array(count);
    case "f16":
      return new Uint16Array(count);
    case "i8":
      return new Int8Array(count);
  }
}

/** Without values: f32. */
export function elementOf(values: VectorValues | undefined): VectorElement {
  return values instanceof Uint16Array ? "f16" : values instanceof Int8Array ? "i8" : "f32";
}

/** `count` values from `offset` on: a view where they are aligned, else a copy. */
export function viewVectors(
  bytes: Uint8Array,
  offset: number,
  count: number,
  element: VectorElement,
): VectorValues {
  switch (element) {
    case "f32":
      return f32View(bytes, offset, count);
    case "f16":
      return u16View(bytes, offset, count);
    case "i8":
      return i8View(bytes, offset, count);
  }
}

/** All of the bytes as values. Throws `corrupt` unless they are `count` of them. */
export function openVectors(bytes: Uint8Array, count: number, element: VectorElement) {
  if (bytes.length !== count * elementBytes(element)) {
    throw corrupt(`${bytes.length} bytes are not ${count} values of ${element}`);
  }
  return viewVectors(bytes, 0, count, element);
}

/** Values `from` … `to`-1 as f32: a view of f32, else a copy. */
export function widenVectors(values: VectorValues, from = 0, to = values.length): Float32Array {
  if (values instanceof Float32Array) {
    return values.subarray(from, to);
  }
  const part = values.subarray(from, to);
  return part instanceof Uint16Array ? decodeF16(part) : Float32Array.from(part);
}

/**
 * Writes f32 values in the width of `into`, from `at` on: f16 rounds to the nearest, i8 takes whole
 * numbers. Returns the index of the first that is not finite there or does not fit, or -1.
 */
export function narrowVector(values: Float32Array, into: VectorValues, at: number): number {
  if (into instanceof Float32Array) {
    into.set(values, at);
    return allFinite(values) ? -1 : values.findIndex((value) => !Number.isFinite(value));
  }
  if (into instanceof Uint16Array) {
    const halves = encodeF16(values);
    into.set(halves, at);
    return allFinite(halves) ? -1 : halves.findIndex((half) => isInfinite(half));
  }
  into.set(values, at);
  let fault = -1;
  for (let i = values.length - 1; i >= 0; i--) {
    fault = into[at + i] === values[i] ? fault : i;
  }
  return fault;
}

/** Throws `corrupt` if a value is NaN or infinite. */
export function checkFinite(values: VectorValues, what: string): void {
  if (!allFinite(values)) {
    throw corrupt(`${what}: a vector holds NaN or Infinity`);
  }
}

/** One branch for all of them. */
function allFinite(values: VectorValues): boolean {
  let faults = 0;
  if (values instanceof Float32Array) {
    for (let i = 0; i < values.length; i++) {
      const x = values[i] as number;
      // 0 for every finite x and NaN for the others.
      faults += x - x;
    }
  } else if (values instanceof Uint16Array) {
    for (let i = 0; i < values.length; i++) {
      faults += isInfinite(values[i] as number) ? 1 : 0;
    }
  }
  return faults === 0;
}

/** A half whose exponent is all ones: an infinity or NaN. */
function isInfinite(half: number): boolean {
  return (half & infinityF16) === infinityF16;
}
