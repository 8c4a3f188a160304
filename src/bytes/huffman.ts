/**
 * Codes of minimum redundancy with a limit on their length: Moffat and Katajainen, "In-place
 * calculation of minimum-redundancy codes" (1995). Lengths above the limit are cut, and others
 * become longer until all fit.
 *
 * Tables are allocated once for an isolate; calls are synchronous, so they need no lock.
 */

export const codeBitsMax = 15;
const symbolsMax = 512;

/** A prefix code of the symbols 0, 1, 2, …, as deflate numbers it (RFC 1951, 3.2.2). */
export interface Code {
  /** By symbol: bits of its code, 0 for one that does not occur. */
  readonly lengths: Uint8Array;
  /** By symbol: its code, the first bit lowest. */
  readonly codes: Uint16Array;
}

export function newCode(size: number): Code {
  return { lengths: new Uint8Array(size), codes: new Uint16Array(size) };
}

/** Of the symbols that occur, while a code is made. */
const sortedRoom = new Float64Array(symbolsMax);
const weights = new Int32Array(symbolsMax);
const ofLength = new Int32Array(codeBitsMax + 2);

/** Codes of minimum redundancy with at most `bitsMax` bits. Two symbols have one in any case. */
export function makeCode({ lengths, codes }: Code, counts: Uint32Array, bitsMax: number): void {
  let used = 0;
  for (let symbol = 0; symbol < counts.length; symbol++) {
    const count = counts[symbol] as number;
    if (count > 0) sortedRoom[used++] = count * symbolsMax + symbol;
  }
  // A code of one symbol or none is complete with others that do not occur.
  for (let symbol = 0; used < 2; symbol++) {
    if (counts[symbol] === 0) sortedRoom[used++] = symbolsMax + symbol;
  }
  const sorted = sortedRoom.subarray(0, used).sort();
  for (let i = 0; i < used; i++) weights[i] = Math.floor((sorted[i] as number) / symbolsMax);
  minimumRedundancy(used);
  ofLength.fill(0);
  for (let i = 0; i < used; i++) {
    const bits = Math.min(weights[i] as number, bitsMax);
    ofLength[bits] = (ofLength[bits] as number) + 1;
  }
  limitLengths(bitsMax);
  lengths.fill(0);
  let at = 0;
  for (let bits = bitsMax; bits > 0; bits--) {
    for (let n = ofLength[bits] as number; n > 0; n--) {
      lengths[(sorted[at++] as number) % symbolsMax] = bits;
    }
  }
  numberCodes(lengths, codes);
}

/** Weights, ascending, become the depths of their leaves. */
function minimumRedundancy(n: number): void {
  const a = weights;
  a[0] = (a[0] as number) + (a[1] as number);
  let root = 0;
  let leaf = 2;
  for (let next = 1; next < n - 1; next++) {
    if (leaf >= n || (a[root] as number) < (a[leaf] as number)) {
      a[next] = a[root] as number;
      a[root++] = next;
    } else {
      a[next] = a[leaf++] as number;
    }
    if (leaf >= n || (root < next && (a[root] as number) < (a[leaf] as number))) {
      a[next] = (a[next] as number) + (a[root] as number);
      a[root++] = next;
    } else {
      a[next] = (a[next] as number) + (a[leaf++] as number);
    }
  }
  a[n - 2] = 0;
  for (let next = n - 3; next >= 0; next--) a[next] = (a[a[next] as number] as number) + 1;
  let available = 1;
  let usedNodes = 0;
  let depth = 0;
  root = n - 2;
  let next = n - 1;
  while (available > 0) {
    while (root >= 0 && a[root] === depth) {
      usedNodes++;
      root--;
    }
    while (available > usedNodes) {
      a[next--] = depth;
      available--;
    }
    available = 2 * usedNodes;
    depth++;
    usedNodes = 0;
  }
}

/** Lengths that were cut leave too many codes: others become longer until they fit. */
function limitLengths(bitsMax: number): void {
  let excess = -(2 ** bitsMax);
  for (let bits = 1; bits <= bitsMax; bits++) {
    excess += (ofLength[bits] as number) * 2 ** (bitsMax - bits);
  }
  while (excess > 0) {
    let bits = bitsMax - 1;
    while (ofLength[bits] === 0) bits--;
    ofLength[bits] = (ofLength[bits] as number) - 1;
    ofLength[bits + 1] = (ofLength[bits + 1] as number) + 2;
    ofLength[bitsMax] = (ofLength[bitsMax] as number) - 1;
    excess--;
  }
}

const nextOfLength = new Int32Array(codeBitsMax + 2);

function numberCodes(lengths: Uint8Array, codes: Uint16Array): void {
  let code = 0;
  for (let bits = 1; bits <= codeBitsMax; bits++) {
    nextOfLength[bits] = code;
    code = (code + (ofLength[bits] as number)) << 1;
  }
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const bits = lengths[symbol] as number;
    if (bits === 0) continue;
    let rest = nextOfLength[bits] as number;
    nextOfLength[bits] = rest + 1;
    let reversed = 0;
    for (let i = 0; i < bits; i++) {
      reversed = (reversed << 1) | (rest & 1);
      rest >>= 1;
    }
    codes[symbol] = reversed;
  }
}
