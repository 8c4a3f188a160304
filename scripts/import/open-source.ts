/** Finds out what a place holds: a data set, a file of a known format, or standard input. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { openDataset, placeOf } from "../datasets.ts";
import { openBytes, plainName } from "./byte-source.ts";
import { openCsv } from "./csv.ts";
import { openDatasetRows } from "./dataset-source.ts";
import { openVecs } from "./fvecs.ts";
import { openJsonLines } from "./json-lines.ts";
import { openNpy } from "./npy.ts";
import { type RowSource, SourceError } from "./row-source.ts";

export const formats = ["jsonl", "csv", "parquet", "arrow", "npy", "fvecs", "bvecs"] as const;
export type Format = (typeof formats)[number];

const endings: Readonly<Record<string, Format>> = {
  jsonl: "jsonl",
  ndjson: "jsonl",
  csv: "csv",
  tsv: "csv",
  parquet: "parquet",
  pq: "parquet",
  arrow: "arrow",
  arrows: "arrow",
  feather: "arrow",
  ipc: "arrow",
  npy: "npy",
  fvecs: "fvecs",
  bvecs: "bvecs",
};

export interface OpenOptions {
  readonly format?: Format;
  readonly delimiter?: string;
  /** Column that vectors without a name of their own become. */
  readonly vector: string;
}

/** `place`: a path, `-` for standard input, or the name of a data set of $SHOAL_DATA. */
export async function openSource(place: string, options: OpenOptions): Promise<RowSource> {
  if (place !== "-" && isDataset(place)) return openDatasetRows(openDataset(place), placeOf(place));
  const format = options.format ?? formatOf(place);
  if (format === undefined && !existsSync(place)) {
    throw new SourceError(
      `There is no file ${place}, and no data set of this name in ${placeOf(".")} ($SHOAL_DATA).`,
    );
  }
  if (format === undefined) {
    throw new SourceError(`What is ${place}? Say --format ${formats.join(", ")}.`);
  }
  const bytes = openBytes(place);
  switch (format) {
    case "jsonl":
      return openJsonLines(bytes);
    case "csv":
      return openCsv(bytes, options.delimiter);
    // Large libraries, loaded when they are needed.
    case "parquet":
      return await (await import("./parquet.ts")).openParquet(bytes);
    case "arrow":
      return await (await import("./arrow.ts")).openArrow(bytes);
    case "npy":
      return await openNpy(bytes, options.vector);
    case "fvecs":
      return openVecs(bytes, options.vector, 4);
    case "bvecs":
      return openVecs(bytes, options.vector, 1);
  }
}

function isDataset(place: string): boolean {
  if (existsSync(place) && statSync(place).isFile()) return false;
  return existsSync(join(placeOf(place), "meta.json"));
}

function formatOf(place: string): Format | undefined {
  return endings[/\.(\w+)$/.exec(plainName(place))?.[1]?.toLowerCase() ?? ""];
}
