/**
 * .fvecs and .bvecs: rows of vectors as benchmarks of nearest neighbours have them, each a 4-byte
 * count of dimensions and then as many 32-bit floats, or bytes. Rows have no ids but their numbers.
 */
import { type ByteSource, ByteTaker } from "./byte-source.ts";
import { vectorRows } from "./npy.ts";
import { type RowSource, SourceError } from "./row-source.ts";

const stretchBytes = 4 * 1024 * 1024;
const dimensionsMax = 65_536;

export function openVecs(bytes: ByteSource, column: string, elementBytes: 1 | 4): RowSource {
  const { name, identity, share } = bytes;
  return {
    name,
    identity,
    rows: undefined,
    types: {},
    isText: false,
    numbersRows: true,
    ...(share && { share }),
    stretches: async function* (from) {
      const taker = new ByteTaker(bytes.chunks());
      const first = Buffer.from(await taker.take(4));
      if (first.length === 0) return;
      const dimensions = first.length < 4 ? 0 : first.readInt32LE();
      if (dimensions < 1 || dimensions > dimensionsMax) {
        throw new SourceError(`${name} does not begin with a number of dimensions`);
      }
      const stride = 4 + dimensions * elementBytes;
      let head: Buffer = first;
      for (let row = 0; ; ) {
        const most = Math.max(1, Math.floor(stretchBytes / stride)) * stride;
        const raw = Buffer.concat([head, await taker.take(most - head.length)]);
        head = Buffer.alloc(0);
        if (raw.length === 0) return;
        const rows = Math.floor(raw.length / stride);
        if (raw.length % stride !== 0) {
          throw new SourceError(`${name} ends in the middle of row ${row + rows}`);
        }
        const values = valuesOf(raw, dimensions, elementBytes, row);
        row += rows;
        if (row <= from) continue;
        yield vectorRows(values, dimensions, column).slice(Math.max(0, from - (row - rows)));
      }
    },
  };
}

function valuesOf(
  raw: Buffer,
  dimensions: number,
  elementBytes: 1 | 4,
  firstRow: number,
): Float32Array {
  const stride = 4 + dimensions * elementBytes;
  const rows = raw.length / stride;
  const values = new Float32Array(rows * dimensions);
  for (let row = 0; row < rows; row++) {
    const at = row * stride;
    if (raw.readInt32LE(at) !== dimensions) {
      throw new SourceError(`row ${firstRow + row} has not ${dimensions} dimensions as the first`);
    }
    for (let d = 0; d < dimensions; d++) {
      const place = at + 4 + d * elementBytes;
      values[row * dimensions + d] =
        elementBytes === 1 ? raw.readUInt8(place) : raw.readFloatLE(place);
    }
  }
  return values;
}
