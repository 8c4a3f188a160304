/**
 * LZ4 frames, decoded (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md): what Arrow
 * files are compressed with unless asked otherwise. Checksums are not compared.
 *
 *   4   magic 0x184D2204
 *   1   flags: 0x10 checksum behind each block, 0x08 size of the content, 0x01 dictionary
 *   1   largest block, 1 checksum of the header; before that 8 bytes size and 4 bytes dictionary
 *   …   blocks: 4 bytes of size, highest bit: not compressed; size 0 ends
 *
 * Blocks may refer to what earlier ones decoded to, so all go into one buffer.
 */

const magic = 0x184d2204;
const bytesMax = 1024 * 1024 * 1024;

export function decodeLz4Frame(input: Uint8Array): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (input.length < 7 || view.getUint32(0, true) !== magic) throw new Error("no LZ4 frame");
  const flags = view.getUint8(4);
  if ((flags & 0x01) !== 0) throw new Error("LZ4 with a dictionary cannot be read");
  const sized = (flags & 0x08) !== 0;
  const output = new GrowingBytes(sized ? Number(view.getBigUint64(6, true)) : input.length * 3);
  for (let at = sized ? 15 : 7; ; ) {
    const word = view.getUint32(at, true);
    at += 4;
    if (word === 0) return output.taken();
    const size = word & 0x7fff_ffff;
    if (at + size > input.length) throw new Error("an LZ4 frame ends in the middle of a block");
    const block = input.subarray(at, at + size);
    if (word >= 0x8000_0000) output.append(block);
    else decodeBlock(block, output);
    at += size + ((flags & 0x10) !== 0 ? 4 : 0);
  }
}

function decodeBlock(input: Uint8Array, output: GrowingBytes): void {
  let at = 0;
  const byte = (): number => {
    const value = input[at++];
    if (value === undefined) throw new Error("an LZ4 block ends too early");
    return value;
  };
  const lengthOf = (nibble: number): number => {
    let length = nibble;
    for (let more = nibble === 15; more; ) {
      const next = byte();
      length += next;
      more = next === 255;
    }
    return length;
  };
  while (at < input.length) {
    const token = byte();
    const literals = lengthOf(token >> 4);
    if (at + literals > input.length) throw new Error("an LZ4 block ends too early");
    output.append(input.subarray(at, at + literals));
    at += literals;
    if (at === input.length) return;
    const distance = byte() | (byte() << 8);
    output.repeat(distance, lengthOf(token & 15) + 4);
  }
}

class GrowingBytes {
  #bytes: Uint8Array;
  #size = 0;

  constructor(expected: number) {
    this.#bytes = new Uint8Array(Math.min(Math.max(expected, 64), bytesMax));
  }

  taken(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#size);
    this.#size += bytes.length;
  }

  /** Byte by byte: what is copied may reach into what is being written. */
  repeat(distance: number, length: number): void {
    if (distance === 0 || distance > this.#size) throw new Error("an LZ4 block refers to nothing");
    this.#reserve(length);
    for (let i = 0; i < length; i++) {
      this.#bytes[this.#size] = this.#bytes[this.#size - distance] as number;
      this.#size += 1;
    }
  }

  #reserve(more: number): void {
    const needed = this.#size + more;
    if (needed <= this.#bytes.length) return;
    if (needed > bytesMax) throw new Error("an LZ4 frame decodes to more than 1 GiB");
    const larger = new Uint8Array(Math.min(Math.max(needed, 2 * this.#bytes.length), bytesMax));
    larger.set(this.taken());
    this.#bytes = larger;
  }
}
