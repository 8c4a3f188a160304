/**
 * Data sets for loading and measuring: folders below $SHOAL_DATA (default ./data) that are not part
 * of the repository. Numbers are little-endian, rows one after the other.
 *
 *   meta.json         {n, d, nq, k, metric: "l2" | "cosine"}: rows, dimensions, queries, neighbours
 *   base.<format>     n x d    u8.gz (gzip of bytes, value = byte), f32 or f16
 *   queries.<format>  nq x d   in the same format
 *   truth.i32         nq x k   row numbers of the true neighbours, nearest first, ties by lower row
 *   base.jsonl.gz     optional: n lines {text, collection}, attributes of the rows
 *   labels_base.u8    optional: attribute `label`, one byte a row
 *   attr_u.u16        optional: attribute `u`, two bytes a row
 *
 * A row's id is its number.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { decodeF16 } from "../src/bytes/f16.ts";

export type Metric = "euclidean_squared" | "cosine_distance";

/** Rows of numbers of one width, converted to f32 on demand: a data set may be 200 MB as f32. */
export interface VectorTable {
  readonly rows: number;
  readonly dimensions: number;
  /** A fresh copy of rows [from, to), one after the other. */
  slice(from: number, to: number): Float32Array;
}

export interface Dataset {
  readonly name: string;
  readonly metric: Metric;
  readonly base: VectorTable;
  readonly queries: VectorTable;
  /** Neighbours per query in the truth. */
  readonly k: number;
  /** Row numbers of the true neighbours of a query among all rows. */
  truth(query: number): Int32Array;
  /** Attribute name -> values of rows [from, to). */
  columns(from: number, to: number): Readonly<Record<string, readonly unknown[]>>;
  /** Types that would not be inferred as wanted. */
  readonly schema: Readonly<Record<string, unknown>>;
}

/** The data set is not there, or is not what its meta.json says. */
export class DatasetError extends Error {}

interface Meta {
  readonly n: number;
  readonly d: number;
  readonly nq: number;
  readonly k: number;
  readonly metric: string;
}

/** Public originals of the data sets that are known by name. */
const originals: Readonly<Record<string, string>> = {
  "fashion-mnist-784":
    "https://github.com/zalandoresearch/fashion-mnist (MIT): the training images are the rows, the " +
    "first 1,000 test images the queries, the training labels `label`",
  "sift-5k":
    "https://github.com/yahoojapan/NGT, data/sift-dataset-5k.tsv (Apache-2.0): 500 lines drawn at " +
    "random are the queries, the others the rows; the 129th column is dropped",
  "bge-dev-768":
    "https://github.com/castorini/anserini-tools, topics-and-qrels/topics.*.jsonl.gz with BGE " +
    "vectors (Apache-2.0)",
};

export function dataFolder(): string {
  return resolve(process.env["SHOAL_DATA"] ?? "data");
}

/** Folder of a data set. `place`: a name in the data folder, or a path. */
export function placeOf(place: string): string {
  return place.includes("/") ? resolve(place) : join(dataFolder(), place);
}

export function openDataset(place: string): Dataset {
  const folder = placeOf(place);
  const name = basename(folder);
  if (!existsSync(join(folder, "meta.json"))) throw new DatasetError(explainAbsence(name, folder));
  const meta = readMeta(folder);
  const base = openVectors(folder, "base", meta.n, meta.d);
  const queries = openVectors(folder, "queries", meta.nq, meta.d);
  const truth = readNumbers(folder, "truth.i32", Int32Array, meta.nq * meta.k);
  return {
    name,
    metric: meta.metric === "cosine" ? "cosine_distance" : "euclidean_squared",
    base,
    queries,
    k: meta.k,
    truth: (query) => truth.subarray(query * meta.k, (query + 1) * meta.k),
    ...openAttributes(folder, meta.n),
  };
}

function explainAbsence(name: string, folder: string): string {
  const known = Object.keys(originals).join(", ");
  const original = originals[name];
  return [
    `There is no data set in ${folder}.`,
    "Data sets are folders below $SHOAL_DATA (default ./data); they are not part of this repository.",
    original === undefined ? `Known by name: ${known}.` : `The original of ${name}: ${original}.`,
    "The layout of such a folder is described at the top of scripts/datasets.ts.",
  ].join("\n");
}

function readMeta(folder: string): Meta {
  const meta: unknown = JSON.parse(readFileSync(join(folder, "meta.json"), "utf8"));
  const { n, d, nq, k, metric } = meta as Partial<Record<keyof Meta, unknown>>;
  const counts = [n, d, nq, k];
  const sound = counts.every((count) => Number.isSafeInteger(count) && Number(count) > 0);
  if (!sound || (metric !== "l2" && metric !== "cosine")) {
    throw new DatasetError(`${join(folder, "meta.json")} does not give n, d, nq, k and metric.`);
  }
  return { n: Number(n), d: Number(d), nq: Number(nq), k: Number(k), metric };
}

function openVectors(folder: string, stem: string, rows: number, dimensions: number): VectorTable {
  const size = rows * dimensions;
  const table = (convert: (from: number, to: number) => Float32Array): VectorTable => ({
    rows,
    dimensions,
    slice: (from, to) => convert(from * dimensions, to * dimensions),
  });
  if (existsSync(join(folder, `${stem}.u8.gz`))) {
    const bytes = readNumbers(folder, `${stem}.u8.gz`, Uint8Array, size);
    return table((from, to) => Float32Array.from(bytes.subarray(from, to)));
  }
  if (existsSync(join(folder, `${stem}.f16`))) {
    const halves = readNumbers(folder, `${stem}.f16`, Uint16Array, size);
    return table((from, to) => decodeF16(halves.subarray(from, to)));
  }
  const floats = readNumbers(folder, `${stem}.f32`, Float32Array, size);
  return table((from, to) => floats.slice(from, to));
}

interface NumberArray<T> {
  new (buffer: ArrayBuffer): T;
  readonly BYTES_PER_ELEMENT: number;
}

function readNumbers<T>(folder: string, name: string, type: NumberArray<T>, count: number): T {
  const path = join(folder, name);
  if (!existsSync(path)) throw new DatasetError(`${path} is missing.`);
  const raw = readFileSync(path);
  const bytes = name.endsWith(".gz") ? gunzipSync(raw) : raw;
  if (bytes.length !== count * type.BYTES_PER_ELEMENT) {
    throw new DatasetError(`${path} has ${bytes.length} bytes, which is not what meta.json says.`);
  }
  // A copy: what was read may lie anywhere in a larger buffer, unaligned.
  return new type(Uint8Array.from(bytes).buffer);
}

type Attributes = Pick<Dataset, "columns" | "schema">;

function openAttributes(folder: string, rows: number): Attributes {
  const read: Record<string, (from: number, to: number) => readonly unknown[]> = {};
  const schema: Record<string, unknown> = {};
  if (existsSync(join(folder, "labels_base.u8"))) {
    const labels = readNumbers(folder, "labels_base.u8", Uint8Array, rows);
    read["label"] = (from, to) => Array.from(labels.subarray(from, to));
  }
  if (existsSync(join(folder, "attr_u.u16"))) {
    const values = readNumbers(folder, "attr_u.u16", Uint16Array, rows);
    read["u"] = (from, to) => Array.from(values.subarray(from, to));
  }
  if (existsSync(join(folder, "base.jsonl.gz"))) {
    const lines = gunzipSync(readFileSync(join(folder, "base.jsonl.gz")))
      .toString()
      .split("\n");
    for (const name of ["text", "collection"]) {
      read[name] = (from, to) =>
        lines.slice(from, to).map((line) => (JSON.parse(line) as Record<string, unknown>)[name]);
    }
    schema["text"] = { type: "string", filterable: false };
  }
  return {
    schema,
    columns: (from, to) =>
      Object.fromEntries(Object.entries(read).map(([name, values]) => [name, values(from, to)])),
  };
}
