/** A small data set of points on seeded clusters, in the layout that the commands read. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nearest } from "../../scripts/nearest.ts";
import { createPrng } from "../../src/index/vector/prng.ts";

export interface DataFolder {
  /** What SHOAL_DATA should be; remove it after use. */
  readonly folder: string;
  readonly name: string;
}

export function writeDataFolder(rows: number, dimensions: number, queries: number): DataFolder {
  const folder = mkdtempSync(join(tmpdir(), "shoal-data-"));
  const name = "points";
  const prng = createPrng({ low: 7, high: 0 });
  const draw = (count: number): Float32Array =>
    Float32Array.from({ length: count * dimensions }, () => prng.below(2_001) / 1_000 - 1);
  const values = draw(rows);
  const questions = draw(queries);
  const base = {
    rows,
    dimensions,
    slice: (from: number, to: number) => values.slice(from * dimensions, to * dimensions),
  };
  const k = 10;
  const truth = Array.from({ length: queries }, (_, query) => {
    const vector = questions.slice(query * dimensions, (query + 1) * dimensions);
    return Array.from(nearest("euclidean_squared", base, rows, vector, k));
  });
  const place = join(folder, name);
  mkdirSync(place);
  const meta = { n: rows, d: dimensions, nq: queries, k, metric: "l2" };
  writeFileSync(join(place, "meta.json"), JSON.stringify(meta));
  writeFileSync(join(place, "base.f32"), new Uint8Array(values.buffer));
  writeFileSync(join(place, "queries.f32"), new Uint8Array(questions.buffer));
  writeFileSync(join(place, "truth.i32"), new Uint8Array(Int32Array.from(truth.flat()).buffer));
  const labels = Uint8Array.from({ length: rows }, (_, row) => row % 10);
  writeFileSync(join(place, "labels_base.u8"), labels);
  return { folder, name };
}
