import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { DatasetError, openDataset } from "../../scripts/datasets.ts";

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-data-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const meta = { n: 3, d: 2, nq: 1, k: 2, metric: "l2" };

function write(files: Readonly<Record<string, string | Uint8Array>>): string {
  const place = mkdtempSync(join(folder, "set-"));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(place, name), content);
  return place;
}

function bytesOf(values: Int32Array | Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer);
}

it("reads bytes as floats, with labels, numbers and truth", () => {
  const dataset = openDataset(
    write({
      "meta.json": JSON.stringify(meta),
      "base.u8.gz": gzipSync(Uint8Array.of(0, 1, 2, 3, 254, 255)),
      "queries.u8.gz": gzipSync(Uint8Array.of(7, 8)),
      "truth.i32": bytesOf(Int32Array.of(1, 0)),
      "labels_base.u8": Uint8Array.of(9, 8, 7),
      "attr_u.u16": bytesOf(Uint16Array.of(1, 256, 999)),
    }),
  );
  expect(dataset.metric).toBe("euclidean_squared");
  expect(dataset.base).toMatchObject({ rows: 3, dimensions: 2 });
  expect(Array.from(dataset.base.slice(1, 3))).toEqual([2, 3, 254, 255]);
  expect(Array.from(dataset.queries.slice(0, 1))).toEqual([7, 8]);
  expect(Array.from(dataset.truth(0))).toEqual([1, 0]);
  expect(dataset.columns(1, 3)).toEqual({ label: [8, 7], u: [256, 999] });
});

it("reads halves, and text that is not to be filtered by", () => {
  const lines = ["a", "b", "c"].map((text) => JSON.stringify({ text, collection: "x" }));
  const dataset = openDataset(
    write({
      "meta.json": JSON.stringify({ ...meta, metric: "cosine" }),
      // 1, -2, 0.5, 0, 65504, the smallest half.
      "base.f16": bytesOf(Uint16Array.of(0x3c00, 0xc000, 0x3800, 0, 0x7bff, 1)),
      "queries.f16": bytesOf(Uint16Array.of(0x3c00, 0)),
      "truth.i32": bytesOf(Int32Array.of(0, 1)),
      "base.jsonl.gz": gzipSync(`${lines.join("\n")}\n`),
    }),
  );
  expect(dataset.metric).toBe("cosine_distance");
  expect(Array.from(dataset.base.slice(0, 3))).toEqual([1, -2, 0.5, 0, 65504, 2 ** -24]);
  expect(dataset.columns(0, 2)).toEqual({ text: ["a", "b"], collection: ["x", "x"] });
  expect(dataset.schema).toEqual({ text: { type: "string", filterable: false } });
});

it("hands out copies: changing one changes nothing else", () => {
  const dataset = openDataset(
    write({
      "meta.json": JSON.stringify(meta),
      "base.f32": bytesOf(Float32Array.of(1, 2, 3, 4, 5, 6)),
      "queries.f32": bytesOf(Float32Array.of(1, 2)),
      "truth.i32": bytesOf(Int32Array.of(0, 1)),
    }),
  );
  dataset.base.slice(0, 1).fill(0);
  expect(Array.from(dataset.base.slice(0, 1))).toEqual([1, 2]);
});

it("says where the original of an absent data set is", () => {
  expect(() => openDataset(join(folder, "fashion-mnist-784"))).toThrow(DatasetError);
  expect(() => openDataset(join(folder, "fashion-mnist-784"))).toThrow(/zalandoresearch/);
  expect(() => openDataset(join(folder, "unheard-of"))).toThrow(/Known by name: fashion-mnist-784/);
});

it("refuses files that do not fit their description", () => {
  const files = {
    "meta.json": JSON.stringify(meta),
    "base.f32": bytesOf(Float32Array.of(1, 2, 3)),
    "queries.f32": bytesOf(Float32Array.of(1, 2)),
    "truth.i32": bytesOf(Int32Array.of(0, 1)),
  };
  expect(() => openDataset(write(files))).toThrow(/base\.f32 has 12 bytes/);
  expect(() => openDataset(write({ "meta.json": "{}" }))).toThrow(/does not give n, d, nq/);
});
