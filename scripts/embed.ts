/** The encoder of console/model/encoder.ts with its files read from this folder's assets. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createEncoder, type Encoder } from "../console/model/encoder.ts";

export { type Encoder, embeddingDimensions } from "../console/model/encoder.ts";

const assets = join(import.meta.dirname, "..", "assets", "static-embed");

export function loadEncoder(folder: string = assets): Encoder {
  return createEncoder({
    vocabulary: readFileSync(join(folder, "vocab.txt"), "utf8"),
    tokens: readBuffer(join(folder, "tokens-192.i8")),
    scales: readBuffer(join(folder, "scales-192.f32")),
  });
}

function readBuffer(file: string): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = readFileSync(file);
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}
