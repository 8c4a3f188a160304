/**
 * Sums without error: of integers of any size, and of doubles, which are multiples of 2^-1074. The
 * order in which values are added does not matter, so rows may lie in any segment. Pure.
 *
 * The sum is Σ limbs[i] · 2^(32 i - 1088). Each addition spreads its 53 bits over three limbs; a
 * limb is a double that holds integers exactly up to 2^53, so every 2^20 additions carries are
 * passed on. (A superaccumulator: Kulisch, Advanced Arithmetic for the Digital Computer, 2002.)
 */
import { assert } from "../errors.ts";

const limbBits = 32;
const limbBase = 2 ** limbBits;
const lowestExponent = 1_088;
/** Enough for 2^20 times the largest double, added 2^32 times. */
const limbCount = 70;
const addsBeforeCarry = 2 ** 20;
/** An addition of `count` equal values counts as that many: its parts are so much larger. */
const countMax = 2 ** 20;

const view = new DataView(new ArrayBuffer(8));

export class ExactSum {
  readonly #limbs = new Float64Array(limbCount);
  #adds = 0;
  /** Integers that are too large for a double. */
  #large = 0n;

  /** `count` times. */
  add(value: number | bigint, count = 1): void {
    if (typeof value === "bigint") {
      this.#large += value * BigInt(count);
      return;
    }
    assert(Number.isFinite(value), "sums are of finite numbers");
    for (let left = count; left > 0; left -= countMax) {
      this.#addDouble(value, Math.min(left, countMax));
    }
  }

  /** The sum of integers. */
  integer(): bigint {
    const scaled = this.#scaled();
    const unit = 1n << BigInt(lowestExponent);
    assert(scaled % unit === 0n, "an integer sum is of integers");
    return scaled / unit + this.#large;
  }

  /** The double nearest to the sum, to even if two are; the largest finite one beyond it. */
  float(): number {
    return roundScaled(this.#scaled() + (this.#large << BigInt(lowestExponent)));
  }

  #addDouble(value: number, count: number): void {
    if (value === 0) {
      return;
    }
    if (this.#adds + count > addsBeforeCarry) {
      this.#carry();
    }
    this.#adds += count;
    view.setFloat64(0, value);
    const high = view.getUint32(0);
    const low = view.getUint32(4);
    const exponentBits = (high >>> 20) & 0x7ff;
    const top = (high & 0xf_ffff) + (exponentBits === 0 ? 0 : 0x10_0000);
    // The value is (top · 2^32 + low) · 2^(shift - 1088).
    const shift = Math.max(1, exponentBits) - 1_075 + lowestExponent;
    const at = Math.floor(shift / limbBits);
    const scale = 2 ** (shift % limbBits);
    const signed = value < 0 ? -count : count;
    this.#spread(at, low * scale, signed);
    this.#spread(at + 1, top * scale, signed);
  }

  /** Adds `times` · value · 2^(32 at); the value has at most 64 bits, of which 32 are in use. */
  #spread(at: number, value: number, times: number): void {
    const upper = Math.floor(value / limbBase);
    const lower = value - upper * limbBase;
    const limbs = this.#limbs;
    limbs[at] = (limbs[at] as number) + lower * times;
    limbs[at + 1] = (limbs[at + 1] as number) + upper * times;
  }

  /** Afterwards every limb is within ±2^32. */
  #carry(): void {
    const limbs = this.#limbs;
    for (let i = 0; i + 1 < limbCount; i++) {
      const carry = Math.trunc((limbs[i] as number) / limbBase);
      limbs[i] = (limbs[i] as number) - carry * limbBase;
      limbs[i + 1] = (limbs[i + 1] as number) + carry;
    }
    this.#adds = 1;
  }

  #scaled(): bigint {
    let sum = 0n;
    for (let i = limbCount - 1; i >= 0; i--) {
      sum = (sum << BigInt(limbBits)) + BigInt(this.#limbs[i] as number);
    }
    return sum;
  }
}

/** The double nearest to scaled · 2^-1088. */
function roundScaled(scaled: bigint): number {
  const isNegative = scaled < 0n;
  const size = isNegative ? -scaled : scaled;
  const bits = size.toString(16).length * 4;
  // Number() rounds a bigint correctly; below 2^1023 it does not overflow, and what is shifted out
  // is kept as one sticky bit far below the last that counts.
  const excess = Math.max(0, bits - 960);
  const kept = size >> BigInt(excess);
  const lost = excess > 0 && size !== kept << BigInt(excess) ? 1n : 0n;
  const mantissa = Number((kept << 1n) | lost);
  const rounded = scaleBy(mantissa, excess - 1 - lowestExponent);
  const value = Math.min(rounded, Number.MAX_VALUE);
  return isNegative && value !== 0 ? -value : value;
}

/** value · 2^exponent, which is exact unless it overflows: sums are multiples of 2^-1074. */
function scaleBy(value: number, exponent: number): number {
  let [result, left] = [value, exponent];
  for (; left < -1_000; left += 1_000) result *= 2 ** -1_000;
  for (; left > 1_000; left -= 1_000) result *= 2 ** 1_000;
  return result * 2 ** left;
}
