/**
 * Planes of the vector columns beside the first. Their rows are clustered by their own vectors, so
 * they stand in another order than the documents do; a section says which row is which:
 *
 *   1. order: as that of the first column (row-order.ts)
 *   2. scan, refine, vectors (plane-writer.ts); of clustered rows, their ordinals
 *
 * Full vectors are there once more beside those in the documents: a query reads those of some
 * thirty rows that lie together here, which in documents would be as many blocks of 64 KiB.
 *
 * A column that its source cannot give the vectors of gets none, and is ranked by its documents.
 */
import { bytesOf } from "../../bytes/typed-view.ts";
import { primaryVector, type VectorColumn, vectorColumns } from "../../document/schema.ts";
import { codeSection } from "../../format/counted-sections.ts";
import { codeBlockBytes, codeBlockRows } from "../../format/segment-columns.ts";
import { ordinalBytes } from "../../format/segment-planes-codec.ts";
import type { FurtherPlanes } from "../../format/segment-root.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import { rotatedWidth } from "../vector/rotation.ts";
import type { BuildSteps } from "./build-steps.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import type { PartWriter } from "./part-writer.ts";
import { writePlanes } from "./plane-writer.ts";
import { type ClusteredRows, orderByVector } from "./row-order.ts";
import type { FurtherSource, RowSource } from "./row-source.ts";
import { buildSeed, metricOf, type SegmentSpec } from "./segment-spec.ts";

export interface FurtherInput {
  readonly spec: SegmentSpec;
  readonly source: RowSource;
  readonly kernels: Kernels;
  readonly ledger: MemoryLedger;
  readonly writer: PartWriter;
  readonly steps: BuildSteps;
  /** Row number of each ordinal. */
  readonly order: Uint32Array;
  /** Ordinal of each row number. */
  readonly ordinals: Uint32Array;
}

export async function writeFurther(input: FurtherInput): Promise<FurtherPlanes[]> {
  const { schema } = input.spec;
  const first = primaryVector(schema)?.name;
  const written: FurtherPlanes[] = [];
  for (const column of vectorColumns(schema)) {
    if (column.name === first) continue;
    const planes = await writeColumnPlanes(input, column);
    if (planes !== undefined) written.push(planes);
  }
  return written;
}

async function writeColumnPlanes(
  input: FurtherInput,
  column: VectorColumn,
): Promise<FurtherPlanes | undefined> {
  const { steps, ledger } = input;
  const source = await input.source.furtherVectors(column);
  if (source === undefined) return undefined;
  const { spec, kernels, writer } = input;
  const of = {
    source,
    width: rotatedWidth(column.dims),
    ledger,
    metric: metricOf(spec.schema),
    seed: buildSeed(spec),
    kernels,
  };
  const clustered = await steps.run(`order of ${column.name}`, () =>
    orderByVector(of, async () => unclusteredOrder(input, source)),
  );
  const release = ledger.hold(clustered.rows.byteLength + 2 * clustered.centroids.byteLength);
  const written = await steps.run(`planes of ${column.name}`, async () => {
    const planes = await writePlanes(of, clustered, column, spec.rotation, writer);
    const ordinals = clustered.clustered
      ? await writeOrdinals(input, source, clustered)
      : undefined;
    return { ...planes, ...(ordinals === undefined ? {} : { ordinals }) };
  });
  release();
  source.release();
  return written;
}

/** The rows as numbers of the column's source, in the order of the segment. */
function unclusteredOrder(
  { order, ordinals, ledger }: FurtherInput,
  { rowsOf }: FurtherSource,
): Uint32Array {
  if (rowsOf === undefined) return order;
  const release = ledger.hold(ordinals.byteLength);
  const numbers = new Uint32Array(ordinals.length);
  rowsOf.forEach((row, number) => {
    numbers[row] = number;
  });
  release();
  return order.map((row) => numbers[row] as number);
}

async function writeOrdinals(
  { ordinals, writer }: FurtherInput,
  { rowsOf }: FurtherSource,
  { rows }: ClusteredRows,
) {
  for (let from = 0; from < rows.length; from += codeBlockRows) {
    const own = rows.slice(from, from + codeBlockRows).map((number) => {
      return ordinals[rowsOf === undefined ? number : (rowsOf[number] as number)] as number;
    });
    await writer.add(codeBlockBytes(own.length, ordinalBytes), (block) => {
      block.set(bytesOf(own));
    });
  }
  return codeSection(writer.endSection(), rows.length, ordinalBytes);
}
