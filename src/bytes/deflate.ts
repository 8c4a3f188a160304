/**
 * Raw deflate (RFC 1951) of small content, in blocks of at most 32 KiB with codes of their own,
 * across which no match reaches. Twice as fast as an encoder of streams for the 16 KiB of a block
 * of documents: tables are allocated once for an isolate, and no window moves.
 *
 *   1. matches: the last places of the same four bytes, chained; a match waits for one place,
 *      where a longer one may begin, as zlib does it
 *   2. codes of what was found (huffman.ts)
 *   3. their lengths in runs, coded themselves, then the symbols
 *
 * The same content gives the same bytes on every runtime: there is nothing but integers.
 */
import { codeBitsMax, makeCode, newCode } from "./huffman.ts";

/** What a match may reach, and what fits the tables. */
const blockBytesMax = 32 * 1024;
const matchMin = 4;
const matchMax = 258;
/** So many earlier places are tried; fewer once a match is good; none beyond one that is nice. */
const chainMax = 4;
const goodLength = 8;
const niceLength = 32;

const hashShift = 32 - 13;
/** By hash of four bytes: the last place of them, plus one. */
const heads = new Uint16Array(1 << 13);
/** By place: the one before of the same hash, plus one. */
const chain = new Uint16Array(blockBytesMax);
/** Literals as they are; matches as distance << 9 | length, above every literal. */
const symbols = new Int32Array(blockBytesMax);

const endOfBlock = 256;
const literalCodes = 286;
const distanceCodes = 30;

/** By length of a match: its code, how many bits follow, the first length of that code. */
const lengthCode = new Uint16Array(matchMax + 1);
const lengthExtra = new Uint8Array(matchMax + 1);
const lengthBase = new Uint16Array(matchMax + 1);
/** By distance - 1 below 256, and by (distance - 1) >> 7 above: its code. */
const distanceCode = new Uint8Array(512);
const distanceExtra = new Uint8Array(distanceCodes);
const distanceBase = new Uint16Array(distanceCodes);
fillTables();

const literalCounts = new Uint32Array(literalCodes);
const distanceCounts = new Uint32Array(distanceCodes);
const literals = newCode(literalCodes);
const distances = newCode(distanceCodes);

export function deflate(content: Uint8Array): Uint8Array {
  const writer = new BitWriter(content.length + (content.length >> 2) + 512);
  let at = 0;
  do {
    const end = Math.min(at + blockBytesMax, content.length);
    writeBlock(writer, content.subarray(at, end), end === content.length);
    at = end;
  } while (at < content.length);
  return writer.finish();
}

function writeBlock(writer: BitWriter, content: Uint8Array, isLast: boolean): void {
  literalCounts.fill(0);
  distanceCounts.fill(0);
  const count = findSymbols(content);
  literalCounts[endOfBlock] = 1;
  makeCode(literals, literalCounts, codeBitsMax);
  makeCode(distances, distanceCounts, codeBitsMax);
  // Of the kind that brings its codes.
  writer.bits(isLast ? 0b101 : 0b100, 3);
  new LengthRuns().write(writer);
  writeSymbols(writer, count);
}

// ---- Matches ------------------------------------------------------------------------------------

/** Fills `symbols`, and counts them by code. Returns how many there are. */
function findSymbols(content: Uint8Array): number {
  heads.fill(0);
  const end = content.length;
  const last = end - matchMin;
  let four = 0;
  for (let i = 0; i < matchMin - 1 && i < end; i++)
    four = (four >>> 8) | ((content[i] as number) << 24);
  let count = 0;
  let at = 0;
  // The match that began one position before, and waits; 0: there is none.
  let waiting = 0;
  let distance = 0;
  for (; at <= last; at++) {
    four = (four >>> 8) | ((content[at + matchMin - 1] as number) << 24);
    const hash = Math.imul(four, 0x9e37_79b1) >>> hashShift;
    const place = (heads[hash] as number) - 1;
    heads[hash] = at + 1;
    chain[at] = place + 1;
    const found = place < 0 ? 0 : longestMatch(content, at, place, waiting);
    if (found > 0) {
      if (waiting > 0) count = addLiteral(count, content[at - 1] as number);
      waiting = found >>> 16;
      distance = found & 0xffff;
    } else if (waiting === 0) {
      count = addLiteral(count, content[at] as number);
    } else {
      count = addMatch(count, waiting, distance);
      const next = at - 1 + waiting;
      const stop = next <= last ? next : last + 1;
      for (at++; at < stop; at++) {
        four = (four >>> 8) | ((content[at + matchMin - 1] as number) << 24);
        const hash = Math.imul(four, 0x9e37_79b1) >>> hashShift;
        chain[at] = heads[hash] as number;
        heads[hash] = at + 1;
      }
      at = next - 1;
      waiting = 0;
    }
  }
  if (waiting > 0) {
    count = addMatch(count, waiting, distance);
    at += waiting - 1;
  }
  for (; at < end; at++) count = addLiteral(count, content[at] as number);
  return count;
}

/** length << 16 | distance of a match of more than `least`, 0 if there is none. */
function longestMatch(content: Uint8Array, at: number, first: number, least: number): number {
  let best = least < matchMin ? matchMin - 1 : least;
  const most = Math.min(content.length - at, matchMax);
  if (best >= niceLength || best >= most) return 0;
  let from = -1;
  let place = first;
  for (
    let tries = best >= goodLength ? chainMax >> 2 : chainMax;
    tries > 0 && place >= 0;
    tries--
  ) {
    if (content[place + best] === content[at + best]) {
      let n = 0;
      while (n < most && content[place + n] === content[at + n]) n++;
      if (n > best) {
        best = n;
        from = place;
        if (n >= niceLength || n === most) break;
      }
    }
    place = (chain[place] as number) - 1;
  }
  return from < 0 ? 0 : (best << 16) | (at - from);
}

function addLiteral(count: number, byte: number): number {
  symbols[count] = byte;
  literalCounts[byte] = (literalCounts[byte] as number) + 1;
  return count + 1;
}

function addMatch(count: number, length: number, distance: number): number {
  symbols[count] = (distance << 9) | length;
  const code = lengthCode[length] as number;
  literalCounts[code] = (literalCounts[code] as number) + 1;
  const far = codeOfDistance(distance);
  distanceCounts[far] = (distanceCounts[far] as number) + 1;
  return count + 1;
}

function codeOfDistance(distance: number): number {
  const before = distance - 1;
  return distanceCode[before < 256 ? before : 256 + (before >> 7)] as number;
}

function fillTables(): void {
  let length = 3;
  for (let code = 257; code < 285; code++) {
    const extra = code < 265 ? 0 : (code - 261) >> 2;
    for (let i = 0; i < 1 << extra && length < matchMax; i++) {
      lengthCode[length] = code;
      lengthExtra[length] = extra;
      lengthBase[length] = length - i;
      length++;
    }
  }
  lengthCode[matchMax] = 285;
  lengthBase[matchMax] = matchMax;
  let distance = 1;
  for (let code = 0; code < distanceCodes; code++) {
    const extra = code < 4 ? 0 : (code - 2) >> 1;
    distanceExtra[code] = extra;
    distanceBase[code] = distance;
    for (let i = 0; i < 1 << extra; i++) {
      const before = distance - 1;
      if (before < 256) distanceCode[before] = code;
      else distanceCode[256 + (before >> 7)] = code;
      distance++;
    }
  }
}

// ---- Output -------------------------------------------------------------------------------------

const runOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const runCodes = newCode(runOrder.length);
const runCounts = new Uint32Array(runOrder.length);
const runBits = [2, 3, 7];
const runMin = [3, 3, 11];
const runMax = [6, 10, 138];

/** The lengths of both codes, runs of equal ones as one symbol: 16 the last again, 17, 18 zeros. */
class LengthRuns {
  readonly #literals = usedLength(literals.lengths, 257);
  readonly #distances = usedLength(distances.lengths, 1);
  /** Symbol, and how long the run is. */
  readonly #runs: number[] = [];

  constructor() {
    const all = [
      ...literals.lengths.subarray(0, this.#literals),
      ...distances.lengths.subarray(0, this.#distances),
    ];
    runCounts.fill(0);
    for (let at = 0; at < all.length; ) {
      const bits = all[at] as number;
      let end = at + 1;
      while (end < all.length && all[end] === bits) end++;
      if (bits > 0) this.#add(bits, at++);
      while (at < end) {
        const left = end - at;
        const kind = bits > 0 ? 0 : left < 11 ? 1 : 2;
        if (left < 3) {
          this.#add(bits, at++);
          continue;
        }
        const run = Math.min(left, runMax[kind] as number);
        this.#add(16 + kind, run);
        at += run;
      }
    }
    makeCode(runCodes, runCounts, 7);
  }

  #add(symbol: number, run: number): void {
    runCounts[symbol] = (runCounts[symbol] as number) + 1;
    this.#runs.push(symbol, run);
  }

  write(writer: BitWriter): void {
    let used = runOrder.length;
    while (used > 4 && runCodes.lengths[runOrder[used - 1] as number] === 0) used--;
    writer.bits(this.#literals - 257, 5);
    writer.bits(this.#distances - 1, 5);
    writer.bits(used - 4, 4);
    for (const symbol of runOrder.slice(0, used))
      writer.bits(runCodes.lengths[symbol] as number, 3);
    for (let i = 0; i < this.#runs.length; i += 2) {
      const symbol = this.#runs[i] as number;
      writer.bits(runCodes.codes[symbol] as number, runCodes.lengths[symbol] as number);
      if (symbol < 16) continue;
      const kind = symbol - 16;
      writer.bits(
        (this.#runs[i + 1] as number) - (runMin[kind] as number),
        runBits[kind] as number,
      );
    }
  }
}

function usedLength(lengths: Uint8Array, least: number): number {
  let used = lengths.length;
  while (used > least && lengths[used - 1] === 0) used--;
  return used;
}

function writeSymbols(writer: BitWriter, count: number): void {
  for (let i = 0; i < count; i++) {
    const symbol = symbols[i] as number;
    if (symbol < 256) {
      writer.bits(literals.codes[symbol] as number, literals.lengths[symbol] as number);
      continue;
    }
    const length = symbol & 0x1ff;
    const code = lengthCode[length] as number;
    writer.bits(literals.codes[code] as number, literals.lengths[code] as number);
    writer.bits(length - (lengthBase[length] as number), lengthExtra[length] as number);
    const distance = symbol >> 9;
    const far = codeOfDistance(distance);
    writer.bits(distances.codes[far] as number, distances.lengths[far] as number);
    writer.bits(distance - (distanceBase[far] as number), distanceExtra[far] as number);
  }
  writer.bits(literals.codes[endOfBlock] as number, literals.lengths[endOfBlock] as number);
}

/** Bits, the first of a byte lowest. */
class BitWriter {
  readonly #bytes: Uint8Array;
  #length = 0;
  #held = 0;
  #count = 0;

  constructor(bytesMax: number) {
    this.#bytes = new Uint8Array(bytesMax);
  }

  /** At most 16. */
  bits(value: number, count: number): void {
    this.#held |= value << this.#count;
    this.#count += count;
    if (this.#count >= 16) {
      this.#bytes[this.#length] = this.#held;
      this.#bytes[this.#length + 1] = this.#held >>> 8;
      this.#length += 2;
      this.#held >>>= 16;
      this.#count -= 16;
    }
  }

  finish(): Uint8Array {
    for (; this.#count > 0; this.#count -= 8) {
      this.#bytes[this.#length++] = this.#held;
      this.#held >>>= 8;
    }
    return this.#bytes.subarray(0, this.#length);
  }
}
