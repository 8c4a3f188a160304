/**
 * Numbers as the shortest decimal text that reads back as the same number: 0.7, not 0.699999988.
 *
 * For f32, "reads back" means Math.fround(Number(text)) === value, which is what every reader that
 * parses doubles does. Of the shortest texts it is the one nearest to the value, spelled as
 * JavaScript spells numbers (1e-7, 1e+21), and -0 keeps its sign.
 *
 * The fast path serves 0.00001 <= |value| < 10,000,000, that is, nearly all of a vector, in about
 * 40 ns:
 *
 *   1. Scale by 10^q so that 7 digits stand before the point, and round to an integer m. The
 *      product is exact (24 bits + 28 bits of 5^12 fit a double): m is the nearest such decimal.
 *   2. m / 10^q is a correctly rounded division of exact operands, hence equal to Number(text). If
 *      fround of it is the value, the digits suffice; else try 8 and 9.
 *   3. Where 7 digits suffice, 6 may. An f32 interval never holds two decimals of 6 digits, so
 *      everything shorter is the 6-digit one with its zeros taken off.
 *
 * Powers of two have a lower neighbour at half the distance, so the nearest decimal may fail where
 * the next one succeeds: they and all rare magnitudes take the slow path.
 */

/** Room that any f32 text needs: -340282350000000000000 is the longest kind. */
export const f32TextBytesMax = 24;

const fastMin = 1e-5;
const fastMax = 1e7;
/** Largest q for which the product of step 1 is exact. */
const scaleMax = 12;
const powersOfTen = Float64Array.from({ length: scaleMax + 1 }, (_, q) => Number(`1e${q}`));

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);
const fractionMask = 0x7f_ffff;
const ascii = new TextDecoder();
const textBytes = new Uint8Array(f32TextBytesMax);

/** Shortest text of a finite f32. */
export function f32Text(value: number): string {
  return ascii.decode(textBytes.subarray(0, writeF32Text(value, textBytes, 0)));
}

/** Shortest text of a finite f64. */
export function f64Text(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** Writes the text of a finite f32 as ASCII at `offset` and returns the offset behind it. */
export function writeF32Text(value: number, into: Uint8Array, offset: number): number {
  let at = offset;
  if (value < 0) {
    into[at++] = 0x2d;
  }
  const size = Math.abs(value);
  if (size < fastMin || size >= fastMax) {
    return writeAscii(slowText(value === 0 ? value : size), into, at);
  }
  if (Number.isInteger(size)) {
    return writeInteger(size, into, at);
  }
  scratch[0] = size;
  if (((scratchBits[0] as number) & fractionMask) === 0) {
    return writeAscii(slowText(size), into, at);
  }
  let q = scaleOf(size);
  let m = roundAt(size, q);
  if (readsBack(m, q, size)) {
    const shorter = roundAt(size, q - 1);
    if (readsBack(shorter, q - 1, size)) {
      m = shorter;
      q -= 1;
      while (m % 10 === 0) {
        m /= 10;
        q -= 1;
      }
    }
    return writeDecimal(m, q, into, at);
  }
  for (q += 1; q <= scaleMax; q++) {
    m = roundAt(size, q);
    if (readsBack(m, q, size)) {
      return writeDecimal(m, q, into, at);
    }
  }
  return writeAscii(slowText(size), into, at);
}

/** q such that size * 10^q has seven digits before the point. */
function scaleOf(size: number): number {
  if (size < 1) {
    return size >= 0.01 ? (size >= 0.1 ? 7 : 8) : size >= 0.001 ? 9 : size >= 0.0001 ? 10 : 11;
  }
  let q = 6;
  for (let limit = 10; size >= limit; limit *= 10) {
    q -= 1;
  }
  return q;
}

/** Nearest integer of size * 10^q, below 2^31. */
function roundAt(size: number, q: number): number {
  return (size * (powersOfTen[q] as number) + 0.5) | 0;
}

function readsBack(m: number, q: number, size: number): boolean {
  return Math.fround(m / (powersOfTen[q] as number)) === size;
}

/** Writes m / 10^q for q >= 1, its last digit not zero. */
function writeDecimal(m: number, q: number, into: Uint8Array, offset: number): number {
  const scale = powersOfTen[q] as number;
  const whole = Math.floor(m / scale);
  let fraction = (m - whole * scale) | 0;
  const point = writeInteger(whole, into, offset);
  into[point] = 0x2e;
  for (let at = point + q; at > point; at--) {
    const rest = (fraction / 10) | 0;
    into[at] = 0x30 + fraction - 10 * rest;
    fraction = rest;
  }
  return point + q + 1;
}

function writeInteger(value: number, into: Uint8Array, offset: number): number {
  if (value < 10) {
    into[offset] = 0x30 + value;
    return offset + 1;
  }
  return writeAscii(String(value), into, offset);
}

function writeAscii(text: string, into: Uint8Array, offset: number): number {
  for (let i = 0; i < text.length; i++) {
    into[offset + i] = text.charCodeAt(i);
  }
  return offset + text.length;
}

/** The definition, for any finite f32 that is not negative, and -0. */
function slowText(value: number): string {
  if (value === 0) {
    return f64Text(value);
  }
  for (let digits = 1; digits < 9; digits++) {
    const nearest = value.toExponential(digits - 1);
    if (Math.fround(Number(nearest)) === value) {
      return String(Number(nearest));
    }
    const above = nextAbove(nearest);
    if (Math.fround(above) === value) {
      return String(above);
    }
  }
  return String(Number(value.toExponential(8)));
}

/** The decimal one unit in the last place above one in exponential form. */
function nextAbove(decimal: string): number {
  const [mantissa = "", exponent] = decimal.split("e");
  const digits = mantissa.replace(".", "");
  return Number(`${Number(digits) + 1}e${Number(exponent) - (digits.length - 1)}`);
}
