/**
 * One object as lines of text. Never throws on damaged bytes: it says where decoding stopped, and
 * shows what can be shown all the same, such as the header of an envelope whose checksum is wrong.
 */
import { encodeHex } from "../../src/bytes/hex.ts";
import { openApiKey } from "../../src/format/api-key.ts";
import { openBuildStep } from "../../src/format/build-step.ts";
import { decodeCbor } from "../../src/format/cbor.ts";
import { openGrave, openPointer, openRegistryEntry } from "../../src/format/registry.ts";
import { openSkip } from "../../src/format/skip.ts";
import { openWriteKeys } from "../../src/format/write-keys.ts";
import type { Digest } from "../../src/ports.ts";
import type { ObjectStore } from "../../src/store/object-store.ts";
import { showBatch, showEntry } from "./entry.ts";
import { showManifest } from "./manifest.ts";
import { showBitmap, showSegment } from "./segment.ts";
import { Text } from "./text.ts";

export interface Line {
  readonly kind: "title" | "field" | "damage";
  readonly text: string;
}

export interface Lens {
  /** For what an object only makes sense with: a part of a segment, with its manifest. */
  readonly store: ObjectStore;
  readonly digest: Digest;
  readonly rowsMax: number;
}

const headerBytes = 104;
const magics = /^SHOAL(WAL|MAN|REG|CUR|GRV|SKP|KEY|API|REF)$/;

export async function inspectObject(
  key: string,
  bytes: Uint8Array,
  lens: Lens,
): Promise<readonly Line[]> {
  const text = new Text(lens.rowsMax);
  await text.guard("object", () => show(text, key, bytes, lens));
  return text.lines;
}

async function showRegistryEntry(text: Text, bytes: Uint8Array, digest: Digest): Promise<void> {
  const { start, ...entry } = await openRegistryEntry(bytes, digest);
  const { manifest, ...begins } = start ?? {};
  const branch = manifest && { ...begins, manifestBytes: manifest.length };
  text.value("registry entry", { ...entry, ...branch });
}

async function show(text: Text, key: string, bytes: Uint8Array, lens: Lens): Promise<void> {
  const magic = String.fromCharCode(...bytes.subarray(0, 8));
  const { digest } = lens;
  const place = await showEnvelope(text, bytes, magic, digest);
  const { generation, number } = place ?? { generation: "", number: 0 };
  switch (magic) {
    case "SHOALWAL":
      return await showEntry(text, bytes, { generation, sequence: number }, digest);
    case "SHOALMAN":
      return await showManifest(text, bytes, { generation, version: number }, digest);
    case "SHOALREG":
      return await showRegistryEntry(text, bytes, digest);
    case "SHOALCUR":
      return text.value("pointer to a manifest", await openPointer(bytes, digest));
    case "SHOALGRV":
      return text.value("grave", await openGrave(bytes, digest));
    case "SHOALSKP":
      return text.value(
        "skip record",
        await openSkip(bytes, { generation, sequence: number }, digest),
      );
    case "SHOALSTP": {
      const { s } = (headOf(bytes) ?? {}) as { s?: unknown };
      const segment = typeof s === "string" ? s : "";
      const place = { generation, segment, number };
      const state = await openBuildStep(bytes, place, digest);
      return text.value("step of a merge", { state });
    }
    case "SHOALAPI":
      return text.value("API key", await openApiKey(bytes, digest));
    case "SHOALKEY": {
      const from = Number((headOf(bytes) as { f?: unknown } | undefined)?.f ?? 0);
      const keys = await openWriteKeys(bytes, { generation, from, to: number }, digest);
      text.title(`idempotency keys of log entries ${from} to ${number - 1}`);
      text.rows(keys.records, (record) => text.flat(record));
      return;
    }
    case "SHOALDED":
      return await showBitmap(text, key, bytes, lens);
  }
  if (/\/segment\//.test(key)) return await showSegment(text, key, bytes, lens);
  if (/\/part\//.test(key)) return showBatch(text, "attachment", bytes);
  if (place === undefined) {
    text.damage(`this is no object of ours: it begins with ${encodeHex(bytes.subarray(0, 16))}`);
  }
}

/** The header of an envelope and its head, whether or not the checksum is right. */
async function showEnvelope(
  text: Text,
  bytes: Uint8Array,
  magic: string,
  digest: Digest,
): Promise<{ generation: string; number: number } | undefined> {
  if (!magics.test(magic)) return undefined;
  text.title("envelope");
  if (bytes.length < headerBytes + 32) {
    text.damage(`${bytes.length} bytes are too few for one`);
    return undefined;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const number = Number(view.getBigUint64(32, true));
  const generation = encodeHex(bytes.subarray(16, 32));
  text.field("magic, format version", `${magic} ${view.getUint16(8, true)}`);
  text.field("generation", generation);
  text.field("number", number);
  text.field("epoch", Number(view.getBigUint64(40, true)));
  text.field("nonce", encodeHex(bytes.subarray(48, 64)));
  text.field("hash of the predecessor", encodeHex(bytes.subarray(64, 96)));
  text.field("head, blocks", `${view.getUint32(96, true)}, ${view.getUint32(100, true)} bytes`);
  const end = bytes.length - 32;
  const hash = encodeHex(await digest(bytes.subarray(0, end)));
  const claimed = encodeHex(bytes.subarray(end));
  text.field("own hash", claimed);
  if (hash !== claimed) text.damage(`SHA-256 of the bytes is ${hash}`);
  await text.guard("head", () => text.field("head", text.flat(headOf(bytes))));
  return { generation, number };
}

function headOf(bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(96, true);
  return decodeCbor(bytes.subarray(headerBytes, headerBytes + length));
}
