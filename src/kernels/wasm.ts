/**
 * The SIMD kernels: loads the compiled module and lays its memory out.
 *
 *   0            what the compiler put there (nothing but padding)
 *   arenaStart   the arena: operands of one call, then its results; every call starts over
 *
 * Inputs are copied in, results copied out. Inputs larger than the arena go through it in pieces,
 * so memory never grows. A copied byte costs 0.02 ns from the processor's cache, 0.25 ns from main
 * memory: little beside the work on bit rows and int8 rows, most of the time of a single pass over
 * f32 rows.
 *
 * One set of kernels serves one isolate; calls are synchronous, so the arena needs no lock.
 */
import { assert } from "../errors.ts";
import { hadamardSize, type Kernels } from "./kernels.ts";

/**
 * Fixed size of the memory. An isolate has 128 MB for everything; 8 MiB hold 2,700 rows of 768
 * floats or 190 of the widest, so that the fixed cost of a piece vanishes, and a server core caches
 * most of it.
 */
export const kernelMemoryBytes = 8 * 1024 * 1024;

const pageBytes = 64 * 1024;

/** What simd.as.ts exports; addresses and counts are 32-bit integers. */
interface SimdExports {
  arenaStart(): number;
  dot(query: number, rows: number, stride: number, count: number, out: number): void;
  squaredDistance(query: number, rows: number, stride: number, count: number, out: number): void;
  dotInt8(query: number, width: number, addresses: number, count: number, out: number): void;
  scanBits(planes: number, codes: number, rowBytes: number, count: number, out: number): void;
  rotate(
    signs: number,
    rows: number,
    stride: number,
    hadamardBytes: number,
    scale: number,
    count: number,
  ): void;
  nearest(
    rows: number,
    count: number,
    centroids: number,
    bias: number,
    centroidCount: number,
    base: number,
    stride: number,
    best: number,
    score: number,
  ): void;
}

/** The memory as arrays, and a bump allocator over it. */
interface Arena {
  readonly simd: SimdExports;
  readonly u8: Uint8Array;
  readonly i8: Int8Array;
  readonly i16: Int16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f32: Float32Array;
  readonly start: number;
  readonly end: number;
}

/** Instantiates the module (`import module from "./kernels.wasm"`) with its own fixed memory. */
export function createWasmKernels(module: WebAssembly.Module): Kernels {
  const arena = createArena(module);
  return {
    name: "simd",
    dot: (query, rows, out) => scoreRows(arena, "dot", query, rows, out),
    squaredDistance: (query, rows, out) => scoreRows(arena, "squaredDistance", query, rows, out),
    dotInt8: (query, codes, starts, out) => dotInt8(arena, query, codes, starts, out),
    scanBits: (planes, codes, out) => scanBits(arena, planes, codes, out),
    rotate: (signs, rows) => rotate(arena, signs, rows),
    nearest: (rows, centroids, bias, best, score) =>
      nearest(arena, rows, centroids, bias, best, score),
  };
}

function createArena(module: WebAssembly.Module): Arena {
  const pages = kernelMemoryBytes / pageBytes;
  const imported = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const simd = new WebAssembly.Instance(module, { env: { memory: imported } })
    .exports as unknown as SimdExports;
  const { buffer } = imported;
  return {
    simd,
    u8: new Uint8Array(buffer),
    i8: new Int8Array(buffer),
    i16: new Int16Array(buffer),
    u32: new Uint32Array(buffer),
    i32: new Int32Array(buffer),
    f32: new Float32Array(buffer),
    start: simd.arenaStart(),
    end: kernelMemoryBytes,
  };
}

function scoreRows(
  arena: Arena,
  kernel: "dot" | "squaredDistance",
  query: Float32Array,
  rows: Float32Array,
  out: Float32Array,
): void {
  const width = query.length;
  assert(rows.length === out.length * width, "rows do not match the query");
  const stride = floatStride(width);
  const rowsAt = arena.start + stride;
  const piece = Math.floor((arena.end - rowsAt) / (stride + 4));
  putFloats(arena, arena.start, query, width);
  for (let from = 0; from < out.length; from += piece) {
    const count = Math.min(piece, out.length - from);
    const outAt = rowsAt + count * stride;
    putFloats(arena, rowsAt, rows.subarray(from * width, (from + count) * width), width);
    arena.simd[kernel](arena.start, rowsAt, stride, count, outAt);
    out.set(arena.f32.subarray(outAt >> 2, (outAt >> 2) + count), from);
  }
}

function dotInt8(
  arena: Arena,
  query: Int16Array,
  codes: Int8Array,
  starts: Uint32Array,
  out: Int32Array,
): void {
  assert(starts.length === out.length, "one start a row");
  const width = query.length;
  const padded = alignUp(width, 16);
  arena.i16.fill(0, arena.start >> 1, (arena.start >> 1) + padded);
  arena.i16.set(query, arena.start >> 1);
  const tablesAt = arena.start + padded * 2;
  // A piece: addresses, results, then the rows, with room for the last row to be read beyond its
  // width.
  const piece = Math.max(1, Math.floor((arena.end - tablesAt - padded) / (8 + padded)));
  let done = 0;
  while (done < out.length) {
    const outAt = tablesAt + Math.min(piece, out.length - done) * 4;
    const rowsAt = alignUp(outAt + Math.min(piece, out.length - done) * 4, 16);
    const count = gatherRows(arena, codes, starts.subarray(done, done + piece), width, {
      addressesAt: tablesAt,
      rowsAt,
      end: arena.end - padded,
    });
    arena.simd.dotInt8(arena.start, padded, tablesAt, count, outAt);
    out.set(arena.i32.subarray(outAt >> 2, (outAt >> 2) + count), done);
    done += count;
  }
}

/**
 * Rows closer together than this are copied as one run: a copy has a fixed cost of about as many
 * bytes.
 */
const runGapBytes = 256;

/**
 * Copies as many rows as fit, neighbours as one run; returns how many, and leaves their addresses.
 */
function gatherRows(
  arena: Arena,
  codes: Int8Array,
  starts: Uint32Array,
  width: number,
  to: { addressesAt: number; rowsAt: number; end: number },
): number {
  let at = to.rowsAt;
  let row = 0;
  while (row < starts.length) {
    const first = starts[row] as number;
    const room = to.end - at;
    let last = first;
    let next = row;
    while (next < starts.length) {
      const start = starts[next] as number;
      const joins = start >= last && start - last <= width + runGapBytes;
      if (!joins || start + width - first > room) {
        break;
      }
      arena.u32[(to.addressesAt >> 2) + next] = at + start - first;
      last = start;
      next++;
    }
    if (next === row) {
      assert(row > 0, "the arena holds at least one row");
      return row;
    }
    assert(last + width <= codes.length, "a row lies outside the codes");
    arena.i8.set(codes.subarray(first, last + width), at);
    at += last + width - first;
    row = next;
  }
  return row;
}

function scanBits(arena: Arena, planes: Uint8Array, codes: Uint8Array, out: Uint32Array): void {
  const rowBytes = planes.length / 4;
  assert(rowBytes % 8 === 0, "bit rows are multiples of 64 bits");
  assert(codes.length === out.length * rowBytes, "codes do not match the planes");
  const codesAt = arena.start + planes.length;
  const piece = Math.floor((arena.end - codesAt) / (rowBytes + 4));
  arena.u8.set(planes, arena.start);
  for (let from = 0; from < out.length; from += piece) {
    const count = Math.min(piece, out.length - from);
    const outAt = codesAt + count * rowBytes;
    arena.u8.set(codes.subarray(from * rowBytes, (from + count) * rowBytes), codesAt);
    arena.simd.scanBits(arena.start, codesAt, rowBytes, count, outAt);
    out.set(arena.u32.subarray(outAt >> 2, (outAt >> 2) + count), from);
  }
}

function rotate(arena: Arena, signs: Float32Array, rows: Float32Array): void {
  const width = signs.length / 4;
  assert(width % 64 === 0 && rows.length % width === 0, "rows do not match the rotation");
  const size = hadamardSize(width);
  const rowsAt = arena.start + signs.length * 4;
  const piece = Math.floor((arena.end - rowsAt) / (width * 4)) * width;
  arena.f32.set(signs, arena.start >> 2);
  for (let from = 0; from < rows.length; from += piece) {
    const length = Math.min(piece, rows.length - from);
    arena.f32.set(rows.subarray(from, from + length), rowsAt >> 2);
    const scale = 1 / Math.sqrt(size);
    arena.simd.rotate(arena.start, rowsAt, width * 4, size * 4, scale, length / width);
    rows.set(arena.f32.subarray(rowsAt >> 2, (rowsAt >> 2) + length), from);
  }
}

function nearest(
  arena: Arena,
  rows: Float32Array,
  centroids: Float32Array,
  bias: Float32Array,
  best: Uint32Array,
  score: Float32Array,
): void {
  const width = centroids.length / bias.length;
  assert(rows.length === best.length * width && best.length === score.length, "rows do not match");
  const stride = floatStride(width);
  // Rows get at most a quarter of the arena, centroids the rest: most sets of centroids stay in one
  // piece.
  const rowsRoom = (arena.end - arena.start) >> 2;
  const rowPiece = Math.floor(rowsRoom / (stride + 8)) & ~1;
  const biasAt = arena.start + rowsRoom;
  const centroidPiece = Math.floor((arena.end - biasAt - 64) / (stride + 4)) & ~3;
  const centroidsAt = alignUp(biasAt + centroidPiece * 4, 16);
  let loaded = -1;
  for (let from = 0; from < best.length; from += rowPiece) {
    const count = Math.min(rowPiece, best.length - from);
    const even = alignUp(count, 2);
    const bestAt = arena.start + even * stride;
    const scoreAt = bestAt + even * 4;
    putFloats(arena, arena.start, rows.subarray(from * width, (from + count) * width), width);
    arena.f32.fill(0, (arena.start + count * stride) >> 2, bestAt >> 2);
    arena.u32.fill(0, bestAt >> 2, scoreAt >> 2);
    arena.f32.fill(-Infinity, scoreAt >> 2, (scoreAt >> 2) + even);
    for (let base = 0; base < bias.length; base += centroidPiece) {
      const centroidCount = Math.min(centroidPiece, bias.length - base);
      const padded = alignUp(centroidCount, 4);
      if (loaded !== base) {
        const slice = centroids.subarray(base * width, (base + centroidCount) * width);
        putFloats(arena, centroidsAt, slice, width);
        arena.f32.fill(
          0,
          (centroidsAt + centroidCount * stride) >> 2,
          (centroidsAt + padded * stride) >> 2,
        );
        arena.f32.set(bias.subarray(base, base + centroidCount), biasAt >> 2);
        arena.f32.fill(Infinity, (biasAt >> 2) + centroidCount, (biasAt >> 2) + padded);
        loaded = base;
      }
      arena.simd.nearest(
        arena.start,
        even,
        centroidsAt,
        biasAt,
        padded,
        base,
        stride,
        bestAt,
        scoreAt,
      );
    }
    best.set(arena.u32.subarray(bestAt >> 2, (bestAt >> 2) + count), from);
    score.set(arena.f32.subarray(scoreAt >> 2, (scoreAt >> 2) + count), from);
  }
}

/**
 * Copies f32 rows in; rows whose width is no multiple of four are spread out and padded with zeros.
 */
function putFloats(arena: Arena, at: number, rows: Float32Array, width: number): void {
  const stride = floatStride(width) >> 2;
  const to = at >> 2;
  if (stride === width) {
    arena.f32.set(rows, to);
    return;
  }
  const count = rows.length / width;
  arena.f32.fill(0, to, to + count * stride);
  for (let i = 0; i < count; i++) {
    arena.f32.set(rows.subarray(i * width, (i + 1) * width), to + i * stride);
  }
}

/** Bytes of one f32 row in the arena: whole vectors of four floats. */
function floatStride(width: number): number {
  return alignUp(width, 4) * 4;
}

function alignUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
