/**
 * NumPy .npy: one array of shape (rows, dimensions) or (rows), its vectors a column of the name
 * asked for. Rows have no ids but their numbers.
 *
 *   0   6  \x93NUMPY     8     2 or 4 (from version 2 on)  length of the header
 *   6   2  version       …     header: a Python dict of descr, fortran_order and shape
 */
import { decodeF16 } from "../../src/bytes/f16.ts";
import { type ByteSource, ByteTaker } from "./byte-source.ts";
import { type Row, type RowSource, SourceError } from "./row-source.ts";

const stretchBytes = 4 * 1024 * 1024;

interface Header {
  readonly element: Element;
  readonly rows: number;
  readonly dimensions: number;
}

interface Element {
  readonly bytes: number;
  readonly type: string;
  readonly widen: (raw: ArrayBuffer) => Float32Array;
}

const elements: Readonly<Record<string, Element>> = {
  "<f4": { bytes: 4, type: "f32", widen: (raw) => new Float32Array(raw) },
  "<f8": { bytes: 8, type: "f32", widen: (raw) => Float32Array.from(new Float64Array(raw)) },
  "<f2": { bytes: 2, type: "f16", widen: (raw) => decodeF16(new Uint16Array(raw)) },
  "|i1": { bytes: 1, type: "i8", widen: (raw) => Float32Array.from(new Int8Array(raw)) },
  "|u1": { bytes: 1, type: "f32", widen: (raw) => Float32Array.from(new Uint8Array(raw)) },
};

export async function openNpy(bytes: ByteSource, column: string): Promise<RowSource> {
  const taker = new ByteTaker(bytes.chunks());
  const { rows, dimensions, element } = await readHeader(taker, bytes.name);
  let first: ByteTaker | undefined = taker;
  return {
    name: bytes.name,
    identity: bytes.identity,
    rows,
    types: { [column]: `[${dimensions}]${element.type}` },
    isText: false,
    numbersRows: true,
    stretches: async function* (from) {
      let source = first;
      first = undefined;
      if (source === undefined) {
        source = new ByteTaker(bytes.chunks());
        await readHeader(source, bytes.name);
      }
      const rowBytes = dimensions * element.bytes;
      const most = Math.max(1, Math.floor(stretchBytes / rowBytes));
      for (let row = 0; row < rows; ) {
        const count = Math.min(most, rows - row);
        const raw = await source.take(count * rowBytes);
        if (raw.length < count * rowBytes) {
          throw new SourceError(`it ends before row ${row + Math.floor(raw.length / rowBytes)}`);
        }
        row += count;
        if (row <= from) continue;
        const skipped = Math.max(0, from - (row - count));
        yield vectorRows(element.widen(raw.buffer), dimensions, column).slice(skipped);
      }
    },
  };
}

export function vectorRows(values: Float32Array, dimensions: number, column: string): Row[] {
  return Array.from({ length: values.length / dimensions }, (_, row) => ({
    [column]: values.subarray(row * dimensions, (row + 1) * dimensions),
  }));
}

async function readHeader(taker: ByteTaker, name: string): Promise<Header> {
  const magic = Buffer.from(await taker.take(8));
  if (magic.toString("latin1", 0, 6) !== "\x93NUMPY") {
    throw new SourceError(`${name} is no .npy file`);
  }
  const length = Buffer.from(await taker.take(magic[6] === 1 ? 2 : 4));
  const size = length.length === 2 ? length.readUInt16LE() : length.readUInt32LE();
  if (size > 65_536) throw new SourceError(`the header of ${name} is too long`);
  const text = Buffer.from(await taker.take(size)).toString("latin1");
  const descr = /'descr'\s*:\s*'([^']+)'/.exec(text)?.[1] ?? "";
  const element = elements[descr];
  const known = Object.keys(elements).join(", ");
  if (element === undefined) {
    throw new SourceError(`${name} has numbers of type ${descr || "unknown"}, not of ${known}`);
  }
  if (!/'fortran_order'\s*:\s*False/.test(text)) {
    throw new SourceError(`${name} is in Fortran's order: save it with numpy.ascontiguousarray`);
  }
  const [rows, dimensions, more] = (/'shape'\s*:\s*\(([^)]*)\)/.exec(text)?.[1] ?? "")
    .split(",")
    .filter((part) => part.trim() !== "")
    .map(Number);
  if (rows === undefined || !(Number(dimensions) > 0) || more !== undefined) {
    throw new SourceError(`${name} must have the shape (rows, dimensions)`);
  }
  return { element, rows, dimensions: Number(dimensions) };
}
