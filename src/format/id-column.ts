/**
 * A column of document ids of one kind. The count is known to whoever holds the column.
 *
 *   uint     8 bytes each, u64
 *   uuid     16 bytes each, in the order of the text
 *   string   u32 × (count + 1): where each id begins in the text, first 0, last its length
 *            UTF-8 of all ids, one after the other
 *
 * All integers little-endian. Reading is lazy and copies nothing; opening checks sizes and offsets,
 * and reading an id checks its text.
 */
import { canonicalUint, type DocumentId, type IdKind } from "../document/id.ts";
import { utf8Length } from "../document/size.ts";
import { assert, corrupt } from "../errors.ts";
import { limits } from "../limits.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export interface IdColumn {
  readonly kind: IdKind;
  readonly length: number;
  /** The id of a row. Throws `corrupt` when its bytes are no id. */
  at(row: number): DocumentId;
}

/** Size of the encoded column. */
export function idColumnBytes(kind: IdKind, ids: readonly DocumentId[]): number {
  let bytes = kind === "string" ? 4 : 0;
  for (const id of ids) {
    bytes += idBytes(kind, id);
  }
  return bytes;
}

/** What one id adds to the column. */
export function idBytes(kind: IdKind, id: DocumentId): number {
  return kind === "string" ? 4 + utf8Length(id as string) : fixedIdBytes(kind);
}

/** Of each id. */
export function fixedIdBytes(kind: "uint" | "uuid"): number {
  return kind === "uint" ? 8 : 16;
}

export function encodeIds(kind: IdKind, ids: readonly DocumentId[]): Uint8Array {
  const bytes = new Uint8Array(idColumnBytes(kind, ids));
  const view = new DataView(bytes.buffer);
  switch (kind) {
    case "uint":
      ids.forEach((id, row) => {
        view.setBigUint64(8 * row, BigInt(id), true);
      });
      break;
    case "uuid":
      ids.forEach((id, row) => {
        writeUuid(id as string, bytes, 16 * row);
      });
      break;
    case "string":
      writeTexts(ids, bytes, view);
  }
  return bytes;
}

function writeTexts(ids: readonly DocumentId[], bytes: Uint8Array, view: DataView): void {
  const textAt = 4 * (ids.length + 1);
  let end = 0;
  ids.forEach((id, row) => {
    const { written } = encoder.encodeInto(id as string, bytes.subarray(textAt + end));
    end += written;
    view.setUint32(4 * (row + 1), end, true);
  });
  assert(textAt + end === bytes.length, "id column was measured wrongly");
}

function writeUuid(uuid: string, bytes: Uint8Array, at: number): void {
  let digit = 0;
  for (let i = 0; i < 36; i++) {
    const unit = uuid.charCodeAt(i);
    if (unit !== 0x2d) {
      const value = unit - (unit < 0x61 ? 0x30 : 0x57);
      const index = at + (digit >> 1);
      bytes[index] = ((bytes[index] as number) << 4) | value;
      digit++;
    }
  }
  assert(digit === 32 && uuid.length === 36, "uuid is not canonical");
}

/** Opens a column of `length` ids that fills `bytes` exactly. */
export function openIds(kind: IdKind, bytes: Uint8Array, length: number): IdColumn {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (kind === "string") {
    return openTexts(bytes, view, length);
  }
  if (bytes.length !== length * fixedIdBytes(kind)) {
    throw corrupt(`ids: ${bytes.length} bytes do not hold ${length} ids`);
  }
  const at =
    kind === "uint"
      ? (row: number) => readUint(view, 8 * row)
      : (row: number) => readUuid(bytes, 16 * row);
  return { kind, length, at };
}

/** The only id of these bytes, which are of the kind's fixed width. */
export function readFixedId(kind: "uint" | "uuid", bytes: Uint8Array): DocumentId {
  if (kind === "uuid") return readUuid(bytes, 0);
  return uintOf(u32At(bytes, 0), u32At(bytes, 4));
}

function u32At(bytes: Uint8Array, at: number): number {
  const [a, b, c, d] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] as Bytes4;
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}

type Bytes4 = readonly [number, number, number, number];

function openTexts(bytes: Uint8Array, view: DataView, length: number): IdColumn {
  const textAt = 4 * (length + 1);
  if (bytes.length < textAt || view.getUint32(0, true) !== 0) {
    throw corrupt("ids: offsets are missing");
  }
  let before = 0;
  for (let row = 1; row <= length; row++) {
    const end = view.getUint32(4 * row, true);
    if (end < before || end - before > limits.idBytesMax) {
      throw corrupt("ids: offsets are out of order");
    }
    before = end;
  }
  if (textAt + before !== bytes.length) {
    throw corrupt("ids: offsets do not end with the text");
  }
  const at = (row: number): string => {
    const start = textAt + view.getUint32(4 * row, true);
    return readText(bytes.subarray(start, textAt + view.getUint32(4 * row + 4, true)));
  };
  return { kind: "string", length, at };
}

function readUint(view: DataView, at: number): DocumentId {
  return uintOf(view.getUint32(at, true), view.getUint32(at + 4, true));
}

/** The number that most ids fit in, without a bigint in between. */
function uintOf(low: number, high: number): DocumentId {
  return high < 2 ** 21 ? high * 2 ** 32 + low : canonicalUint((BigInt(high) << 32n) | BigInt(low));
}

const hexPairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function readUuid(bytes: Uint8Array, at: number): string {
  let text = "";
  for (let i = 0; i < 16; i++) {
    const dash = i === 4 || i === 6 || i === 8 || i === 10 ? "-" : "";
    text += dash + (hexPairs[bytes[at + i] as number] as string);
  }
  return text;
}

function readText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw corrupt("ids: text is not UTF-8");
  }
}
