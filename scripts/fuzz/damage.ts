/** Ways in which the bytes of a request can be wrong, whatever they say. */
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import type { Dice } from "./dice.ts";

export interface Payload {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly encoding?: string;
}

type Bytes = Uint8Array<ArrayBuffer>;
type Damage = (dice: Dice, bytes: Bytes) => Bytes;

const damages: readonly Damage[] = [
  // Cut off.
  (dice, bytes) => bytes.slice(0, dice.below(bytes.length + 1)),
  // One bit.
  (dice, bytes) => {
    const damaged = bytes.slice();
    const at = dice.below(bytes.length);
    if (at < damaged.length) damaged[at] = (damaged[at] ?? 0) ^ (1 << dice.below(8));
    return damaged;
  },
  // A few other bytes.
  (dice, bytes) => splice(bytes, dice.below(bytes.length + 1), dice.bytes(1 + dice.below(8))),
  // Not UTF-8.
  (dice, bytes) => {
    const bad = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]];
    return splice(bytes, dice.below(bytes.length + 1), Uint8Array.from(dice.pick(bad)));
  },
  // A mark or more around it.
  (dice, bytes) => splice(bytes, 0, encode(dice.pick(["\ufeff", " ", "\u0000", ")]}'\n", "//\n"]))),
  (dice, bytes) => splice(bytes, bytes.length, encode(dice.pick([",", "{}", "\u0000", "}", "x"]))),
  () => new Uint8Array(),
  (dice) => dice.bytes(1 + dice.below(200)),
  (dice) => encode(dice.pick(["[", "{", '{"a":']).repeat(dice.pick([10, 80, 5_000]))),
];

export function damageBytes(dice: Dice, bytes: Bytes): Bytes {
  return dice.pick(damages)(dice, bytes);
}

/** Compressed, wrongly compressed, or not as it says. */
export function compress(dice: Dice, bytes: Bytes): Payload {
  const gzip = (part: Uint8Array): Bytes => copy(gzipSync(part, { level: 1 }));
  switch (dice.below(10)) {
    case 0:
      return { bytes: damageBytes(dice, gzip(bytes)), encoding: "gzip" };
    case 1:
      return { bytes, encoding: "gzip" };
    case 2:
      return { bytes: gzip(bytes) };
    case 3:
      return { bytes: gzip(gzip(bytes)), encoding: "gzip" };
    case 4:
      return { bytes: copy(brotliCompressSync(bytes)), encoding: "br" };
    case 5:
      return { bytes: copy(deflateSync(bytes)), encoding: "deflate" };
    case 6:
      return { bytes, encoding: dice.pick(["zstd", "gzip, gzip", "", "identity", "GZIP", "x"]) };
    case 7:
      // Small on the wire, too large when read.
      return { bytes: bomb(dice.pick([2, 20])), encoding: "gzip" };
    case 8:
      return { bytes: splice(gzip(bytes), gzip(bytes).length, gzip(bytes)), encoding: "gzip" };
    default:
      return { bytes: gzip(bytes), encoding: dice.pick(["gzip", " gzip ", "x-gzip"]) };
  }
}

const bombs = new Map<number, Bytes>();

function bomb(mebibytes: number): Bytes {
  const known = bombs.get(mebibytes);
  if (known !== undefined) return known;
  const made = copy(gzipSync(Buffer.alloc(mebibytes * 1_024 * 1_024, " "), { level: 9 }));
  bombs.set(mebibytes, made);
  return made;
}

function splice(bytes: Bytes, at: number, insert: Uint8Array): Bytes {
  const spliced = new Uint8Array(bytes.length + insert.length);
  spliced.set(bytes.subarray(0, at));
  spliced.set(insert, at);
  spliced.set(bytes.subarray(at), at + insert.length);
  return spliced;
}

function encode(text: string): Bytes {
  return new TextEncoder().encode(text);
}

function copy(bytes: Uint8Array): Bytes {
  return new Uint8Array(bytes);
}
