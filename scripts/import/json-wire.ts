/** What JSON has no word for, as bodies of requests say it. */
import type { Wire } from "../../workers/rows/row-mapping.ts";

/** Written as it stands by JSON.stringify. The compiler's library does not know it yet. */
export const { rawJSON: rawJson } = JSON as unknown as {
  readonly rawJSON: (text: string) => object;
};

export const jsonWire: Wire = {
  base64: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64"),
  integer: (value) => rawJson(String(value)),
};

export function encodeFloats(values: Float32Array): string {
  return jsonWire.base64(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}
