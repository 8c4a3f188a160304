/**
 * IEEE 754 half precision as bits in a Uint16Array: 1 sign, 5 exponent, 10 fraction. Rounds to
 * nearest, ties to even; what is 65,520 or more becomes infinite. Any NaN becomes the quiet NaN of
 * its sign.
 */

const infinityF16 = 0x7c00;
const quietNaNF16 = 0x7e00;
/** Bits of f32 values: infinity, 65,520 (rounds to infinity), 2^-14 (smallest normal half). */
const infinityF32 = 0x7f80_0000;
const overflowF32 = 0x477f_f000;
const normalF32 = 0x3880_0000;
/** (127 - 15) << 10: the exponent biases' difference in the position of a half's exponent. */
const biasF16 = 112 << 10;
/** Adding and taking away 2^52 rounds a small positive number to an integer, ties to even. */
const rounder = 2 ** 52;

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

export function encodeF16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) {
    halves[i] = halfOf(bits[i] as number, values[i] as number);
  }
  return halves;
}

export function decodeF16(
  halves: Uint16Array,
  values = new Float32Array(halves.length),
): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i] as number;
    const sign = (half & 0x8000) << 16;
    const magnitude = half & 0x7fff;
    if (magnitude >= infinityF16) {
      bits[i] = sign | infinityF32 | ((half & 0x3ff) << 13);
    } else if (magnitude >= 0x400) {
      bits[i] = sign | ((magnitude + biasF16) << 13);
    } else {
      // Subnormal: an integer times 2^-24, exact in f32.
      values[i] = (sign === 0 ? magnitude : -magnitude) * 2 ** -24;
    }
  }
  return values;
}

/** The bits of the half nearest to an f32 value. */
export function f32ToF16(value: number): number {
  scratch[0] = value;
  return halfOf(scratchBits[0] as number, scratch[0] as number);
}

/** The value of a half. */
export function f16ToF32(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

function halfOf(bits: number, value: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fff_ffff;
  if (magnitude >= overflowF32) {
    return sign | (magnitude > infinityF32 ? quietNaNF16 : infinityF16);
  }
  if (magnitude >= normalF32) {
    // Adds just under half a unit, and the odd bit itself: exactly half rounds to even. A carry out
    // of the fraction enters the exponent, which is right.
    return sign | (((magnitude + 0xfff + ((magnitude >>> 13) & 1)) >>> 13) - biasF16);
  }
  return sign | (Math.abs(value) * 2 ** 24 + rounder - rounder);
}
