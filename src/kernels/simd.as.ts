/**
 * The kernels in AssemblyScript with WebAssembly SIMD. Compiled to kernels.wasm; never seen by
 * TypeScript.
 *
 * Every function works on addresses inside the arena that wasm.ts lays out, and relies on what it
 * guarantees:
 *   - f32 rows are `stride` bytes wide, a multiple of 16, zero beyond the width;
 *   - int8 queries are zero beyond the width up to a multiple of 16, so bytes after a row do not
 *     count;
 *   - `nearest` gets an even number of rows and a multiple of four centroids, the last ones of
 *     bias +Infinity where need be.
 * Loads may be unaligned. Nothing is allocated.
 */

/** First free address of the memory. */
export function arenaStart(): usize {
  return (__heap_base + 63) & ~63;
}

// @ts-ignore: decorator of AssemblyScript
@inline
function sumLanes(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) +
    f32x4.extract_lane(v, 1) +
    (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}

// @ts-ignore: decorator of AssemblyScript
@inline
function multiplyAdd(sum: v128, a: usize, b: usize): v128 {
  return f32x4.add(sum, f32x4.mul(v128.load(a), v128.load(b)));
}

// @ts-ignore: decorator of AssemblyScript
@inline
function squareAdd(sum: v128, a: usize, b: usize): v128 {
  const difference = f32x4.sub(v128.load(a), v128.load(b));
  return f32x4.add(sum, f32x4.mul(difference, difference));
}

export function dot(query: usize, rows: usize, stride: i32, count: i32, out: usize): void {
  const blocks = stride & ~63;
  for (let i = 0; i < count; i++) {
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let d = 0;
    for (; d < blocks; d += 64) {
      s0 = multiplyAdd(s0, query + d, rows + d);
      s1 = multiplyAdd(s1, query + d + 16, rows + d + 16);
      s2 = multiplyAdd(s2, query + d + 32, rows + d + 32);
      s3 = multiplyAdd(s3, query + d + 48, rows + d + 48);
    }
    for (; d < stride; d += 16) {
      s0 = multiplyAdd(s0, query + d, rows + d);
    }
    store<f32>(out, sumLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3))));
    out += 4;
    rows += stride;
  }
}

export function squaredDistance(
  query: usize,
  rows: usize,
  stride: i32,
  count: i32,
  out: usize,
): void {
  const blocks = stride & ~63;
  for (let i = 0; i < count; i++) {
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let d = 0;
    for (; d < blocks; d += 64) {
      s0 = squareAdd(s0, query + d, rows + d);
      s1 = squareAdd(s1, query + d + 16, rows + d + 16);
      s2 = squareAdd(s2, query + d + 32, rows + d + 32);
      s3 = squareAdd(s3, query + d + 48, rows + d + 48);
    }
    for (; d < stride; d += 16) {
      s0 = squareAdd(s0, query + d, rows + d);
    }
    store<f32>(out, sumLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3))));
    out += 4;
    rows += stride;
  }
}

/** `addresses` holds one u32 address a row. */
export function dotInt8(
  query: usize,
  width: i32,
  addresses: usize,
  count: i32,
  out: usize,
): void {
  for (let i = 0; i < count; i++) {
    const row = <usize>load<u32>(addresses);
    let s0 = i32x4.splat(0);
    let s1 = s0;
    for (let d = 0; d < width; d += 16) {
      const q = query + (d << 1);
      s0 = i32x4.add(s0, i32x4.dot_i16x8_s(v128.load8x8_s(row + d), v128.load(q)));
      s1 = i32x4.add(s1, i32x4.dot_i16x8_s(v128.load8x8_s(row + d, 8), v128.load(q, 16)));
    }
    const s = i32x4.add(s0, s1);
    store<i32>(
      out,
      i32x4.extract_lane(s, 0) +
        i32x4.extract_lane(s, 1) +
        i32x4.extract_lane(s, 2) +
        i32x4.extract_lane(s, 3),
    );
    addresses += 4;
    out += 4;
  }
}

/** 64-bit popcounts beat i8x16.popcnt, which x86 has to emulate with table look-ups. */
export function scanBits(
  planes: usize,
  codes: usize,
  rowBytes: i32,
  count: i32,
  out: usize,
): void {
  for (let i = 0; i < count; i++) {
    let w0: i64 = 0;
    let w1: i64 = 0;
    let w2: i64 = 0;
    let w3: i64 = 0;
    for (let b = 0; b < rowBytes; b += 8) {
      const code = load<i64>(codes + b);
      const plane = planes + (b << 2);
      w0 += popcnt<i64>(code & load<i64>(plane));
      w1 += popcnt<i64>(code & load<i64>(plane, 8));
      w2 += popcnt<i64>(code & load<i64>(plane, 16));
      w3 += popcnt<i64>(code & load<i64>(plane, 24));
    }
    store<u32>(out, <u32>(w0 + (w1 << 1) + (w2 << 2) + (w3 << 3)));
    out += 4;
    codes += rowBytes;
  }
}

export function rotate(
  signs: usize,
  rows: usize,
  stride: i32,
  hadamardBytes: i32,
  scale: f32,
  count: i32,
): void {
  const pure = hadamardBytes == stride;
  for (let i = 0; i < count; i++) {
    for (let round = 0; round < 4; round++) {
      flip(signs + round * stride, rows, stride);
      hadamard(rows + ((round & 1) == 0 ? 0 : stride - hadamardBytes), hadamardBytes, scale);
      if (!pure) butterflies(rows, stride >> 1);
    }
    if (!pure) multiply(rows, stride, 0.25);
    rows += stride;
  }
}

function flip(signs: usize, row: usize, bytes: i32): void {
  for (let d = 0; d < bytes; d += 16) {
    v128.store(row + d, f32x4.mul(v128.load(row + d), v128.load(signs + d)));
  }
}

function multiply(row: usize, bytes: i32, scale: f32): void {
  const factor = f32x4.splat(scale);
  for (let d = 0; d < bytes; d += 16) {
    v128.store(row + d, f32x4.mul(v128.load(row + d), factor));
  }
}

function hadamard(x: usize, bytes: i32, scale: f32): void {
  // Stages 1 and 2 inside one vector: neighbours swapped, then added with the sign of their place.
  const odd = i32x4(0, 0x80000000, 0, 0x80000000);
  const high = i32x4(0, 0, 0x80000000, 0x80000000);
  for (let d = 0; d < bytes; d += 16) {
    let v = v128.load(x + d);
    v = f32x4.add(v128.shuffle<i32>(v, v, 1, 0, 3, 2), v128.xor(v, odd));
    v = f32x4.add(v128.shuffle<i32>(v, v, 2, 3, 0, 1), v128.xor(v, high));
    v128.store(x + d, v);
  }
  for (let half = 16; half < bytes; half <<= 1) {
    for (let start = 0; start < bytes; start += half << 1) {
      butterflies(x + start, half);
    }
  }
  multiply(x, bytes, scale);
}

/** (a, b) becomes (a + b, a - b) for the two halves, of `half` bytes each, that begin at x. */
// @ts-ignore: decorator of AssemblyScript
@inline
function butterflies(x: usize, half: i32): void {
  for (let d = 0; d < half; d += 16) {
    const a = v128.load(x + d);
    const b = v128.load(x + d + half);
    v128.store(x + d, f32x4.add(a, b));
    v128.store(x + d + half, f32x4.sub(a, b));
  }
}

/**
 * Two rows against four centroids a pass: eight accumulators and six operands fill the sixteen
 * registers of x86. `base` is the number of the first centroid; best and score hold the outcome of
 * earlier centroids.
 */
export function nearest(
  rows: usize,
  count: i32,
  centroids: usize,
  bias: usize,
  centroidCount: i32,
  base: i32,
  stride: i32,
  best: usize,
  score: usize,
): void {
  for (let i = 0; i < count; i += 2) {
    const rowB = rows + stride;
    let scoreA = load<f32>(score);
    let scoreB = load<f32>(score, 4);
    let bestA = load<i32>(best);
    let bestB = load<i32>(best, 4);
    let c0 = centroids;
    for (let j = 0; j < centroidCount; j += 4) {
      const c1 = c0 + stride;
      const c2 = c1 + stride;
      const c3 = c2 + stride;
      let a0 = f32x4.splat(0);
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      let b0 = a0;
      let b1 = a0;
      let b2 = a0;
      let b3 = a0;
      for (let d = 0; d < stride; d += 16) {
        const x = v128.load(rows + d);
        const y = v128.load(rowB + d);
        const p0 = v128.load(c0 + d);
        a0 = f32x4.add(a0, f32x4.mul(x, p0));
        b0 = f32x4.add(b0, f32x4.mul(y, p0));
        const p1 = v128.load(c1 + d);
        a1 = f32x4.add(a1, f32x4.mul(x, p1));
        b1 = f32x4.add(b1, f32x4.mul(y, p1));
        const p2 = v128.load(c2 + d);
        a2 = f32x4.add(a2, f32x4.mul(x, p2));
        b2 = f32x4.add(b2, f32x4.mul(y, p2));
        const p3 = v128.load(c3 + d);
        a3 = f32x4.add(a3, f32x4.mul(x, p3));
        b3 = f32x4.add(b3, f32x4.mul(y, p3));
      }
      const biases = bias + (j << 2);
      const number = base + j;
      let value = sumLanes(a0) - load<f32>(biases);
      if (value > scoreA) { scoreA = value; bestA = number; }
      value = sumLanes(a1) - load<f32>(biases, 4);
      if (value > scoreA) { scoreA = value; bestA = number + 1; }
      value = sumLanes(a2) - load<f32>(biases, 8);
      if (value > scoreA) { scoreA = value; bestA = number + 2; }
      value = sumLanes(a3) - load<f32>(biases, 12);
      if (value > scoreA) { scoreA = value; bestA = number + 3; }
      value = sumLanes(b0) - load<f32>(biases);
      if (value > scoreB) { scoreB = value; bestB = number; }
      value = sumLanes(b1) - load<f32>(biases, 4);
      if (value > scoreB) { scoreB = value; bestB = number + 1; }
      value = sumLanes(b2) - load<f32>(biases, 8);
      if (value > scoreB) { scoreB = value; bestB = number + 2; }
      value = sumLanes(b3) - load<f32>(biases, 12);
      if (value > scoreB) { scoreB = value; bestB = number + 3; }
      c0 += stride << 2;
    }
    store<f32>(score, scoreA);
    store<f32>(score, scoreB, 4);
    store<i32>(best, bestA);
    store<i32>(best, bestB, 4);
    best += 8;
    score += 8;
    rows += stride << 1;
  }
}
