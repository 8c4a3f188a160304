/**
 * Small blocks, compressed where it pays.
 *
 *   u8       0 raw, 1 raw deflate (RFC 1951)
 *   varint   bytes of the content
 *   …        the content, raw or deflated
 *
 * Deflate is kept only if it saves a tenth: less is not worth inflating on every read; content of a
 * few bytes is not even tried. Inflating writes into a buffer of the declared size, which the
 * caller bounds, so no input makes it allocate more. Deflate has no checksum of its own: blocks
 * carry one outside, and verify it before they come here.
 */
import { inflateSync } from "fflate";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { deflate } from "./deflate.ts";

const raw = 0;
const deflated = 1;
const savingMin = 0.1;
const deflatedBytesMin = 64;
const what = "compressed block";

export function compressBlock(content: Uint8Array): Uint8Array {
  const small = content.length < deflatedBytesMin ? content : deflate(content);
  const pays = small !== content && small.length <= content.length * (1 - savingMin);
  const body = pays ? small : content;
  const writer = new ByteWriter(body.length + 8);
  writer.u8(pays ? deflated : raw);
  writer.varint(content.length);
  writer.bytes(body);
  return writer.finish();
}

/** The content, at most `bytesMax` long: a view of `block` if it was kept raw. */
export function decompressBlock(block: Uint8Array, bytesMax: number): Uint8Array {
  const reader = new ByteReader(block, what);
  const form = reader.u8();
  const size = reader.varint(bytesMax);
  const body = reader.bytes(reader.remaining);
  switch (form) {
    case raw:
      if (body.length !== size) {
        throw reader.error(`${body.length} bytes of content, ${size} declared`);
      }
      return body;
    case deflated:
      return inflate(reader, body, size);
    default:
      throw reader.error(`unknown form ${form}`);
  }
}

function inflate(reader: ByteReader, body: Uint8Array, size: number): Uint8Array {
  // One byte more than declared shows content that is too long; the inflater drops what does not
  // fit.
  const room = new Uint8Array(size + 1);
  let content: Uint8Array;
  try {
    content = inflateSync(body, { out: room });
  } catch {
    throw reader.error("not deflated data");
  }
  if (content.length !== size) {
    throw reader.error(`content is not of the declared ${size} bytes`);
  }
  return content;
}
