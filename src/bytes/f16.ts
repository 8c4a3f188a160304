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
/** Bits of halves: 2^-14. */
const smallestNormal = 0x400;
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
    if ((half & 0x7fff) < smallestNormal) values[i] = subnormalOf(half);
    else bits[i] = bitsOf(half);
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
  if ((half & 0x7fff) < smallestNormal) return subnormalOf(half);
  scratchBits[0] = bitsOf(half);
  return scratch[0] as number;
}

/** An integer times 2^-24, exact in f32. */
function subnormalOf(half: number): number {
  const magnitude = half & 0x3ff;
  return (half & 0x8000 ? -magnitude : magnitude) * 2 ** -24;
}

/** The f32 bits of a half that is not subnormal. */
function bitsOf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const magnitude = half & 0x7fff;
  return magnitude < infinityF16
    ? sign | ((magnitude + biasF16) << 13)
    : sign | infinityF32 | ((half & 0x3ff) << 13);
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
