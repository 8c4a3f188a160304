/**
 * A vector column beside the first, of all inputs of a merge. Inputs with planes of it are read as
 * those of the first column are, each seen through `viewColumn`, so rows are numbered by place.
 *
 * Inputs without them are of a version that did not make any. They are indexed anew: their codes
 * are made from documents, in one pass, and kept in memory until the column is written; vectors are
 * read from documents again. Of more than `furtherCodesBytesMax` that is not done, and the new
 * segment has no planes of the column either.
 *
 * Memory: 4 bytes a row of clustered inputs; codes of inputs without planes.
 */
import type { DocumentId } from "../../document/id.ts";
import type { VectorColumn } from "../../document/schema.ts";
import { unpackVector } from "../../format/packed-value.ts";
import { idKeys } from "../../format/segment-ids.ts";
import {
  allocateRefineRows,
  copyRefineRow,
  idKeyBytes,
  type RefineRows,
  refineRowBytes,
} from "../../format/segment-refine.ts";
import type { Section } from "../../format/segment-section.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import { limits } from "../../limits.ts";
import {
  attributeIndex,
  documentBlock,
  documentBlockOf,
  documentId,
  documentValues,
  openDocumentBlock,
} from "../segment/document-rows.ts";
import { ordinalBlocks, placeOrdinals, placesOf, viewColumn } from "../segment/further-planes.ts";
import type { Segment } from "../segment/segment.ts";
import { forEachBlock, type ReadRange } from "./block-gather.ts";
import { inheritedClusters } from "./inherited-clusters.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import { gatherCodes, gatherVectors, visitBlocks } from "./merge-gather.ts";
import { liveRows, type PlacedInput, totalRows } from "./merge-input.ts";
import type { FurtherSource } from "./row-source.ts";
import { metricOf, type SegmentSpec } from "./segment-spec.ts";
import { VectorEncoder } from "./vector-encoder.ts";

export interface FurtherMerge {
  readonly inputs: readonly PlacedInput[];
  readonly column: VectorColumn;
  readonly spec: SegmentSpec;
  readonly read: ReadRange;
  readonly kernels: Kernels;
  readonly ledger: MemoryLedger;
}

export async function mergeFurther(merge: FurtherMerge): Promise<FurtherSource | undefined> {
  const { inputs, column, read, ledger } = merge;
  const releases: (() => void)[] = [];
  const views: PlacedInput[] = [];
  let rowsOf: Uint32Array | undefined;
  for (const input of inputs) {
    const { segment, dead, first } = input;
    const view = viewColumn(segment, column.name);
    if (view?.ordinals === undefined) {
      views.push({ ...input, segment: view?.segment ?? withoutPlanes(segment) });
      continue;
    }
    const ordinals = await readOrdinals(segment, view.ordinals, read, ledger);
    if (rowsOf === undefined) {
      const total = totalRows(inputs);
      releases.push(ledger.hold(4 * total));
      rowsOf = Uint32Array.from({ length: total }, (_, row) => row);
    }
    for (const [place, ordinal] of ordinals.entries()) rowsOf[first + place] = first + ordinal;
    views.push({ segment: view.segment, first, dead: dead && placesOf(dead, ordinals) });
  }
  const plain = await encodePlain(merge, views, releases);
  const release = (): void => {
    for (const each of releases) each();
  };
  if (plain === undefined) {
    release();
    return undefined;
  }
  return {
    ...(rowsOf === undefined ? {} : { rowsOf }),
    liveRows: () => liveRows(views),
    inherited: (live) => inheritedClusters(views, live),
    async gatherCodes(wanted, out) {
      await gatherCodes(views, wanted, out, read, ledger);
      plain.gatherCodes(wanted, out);
    },
    async gatherVectors(wanted, out) {
      await gatherVectors(views, wanted, out, read, ledger);
      await plain.gatherVectors(wanted, out);
    },
    release,
  };
}

function withoutPlanes(segment: Segment): Segment {
  return { ...segment, root: { ...segment.root, vector: undefined } };
}

async function readOrdinals(
  segment: Segment,
  section: Section,
  read: ReadRange,
  ledger: MemoryLedger,
): Promise<Uint32Array> {
  const parts: Uint8Array[] = [];
  const release = ledger.hold(2 * 4 * segment.root.rows);
  await forEachBlock(ordinalBlocks(segment, section), read, ledger, (index, bytes) => {
    parts[index] = bytes.slice();
  });
  release();
  return placeOrdinals(segment, parts);
}

// ---- Inputs without planes ----------------------------------------------------------------------

/** Undefined: they are too many, or some have no vector. */
async function encodePlain(
  merge: FurtherMerge,
  views: readonly PlacedInput[],
  releases: (() => void)[],
) {
  const { column, spec, kernels, read, ledger } = merge;
  const { dims, element } = column;
  const layout = { blockOf: documentBlockOf, block: documentBlock, skips: hasPlanes };
  /** `found` gets the bytes of each vector, and the position of its row in `wanted`. */
  const visit = (
    wanted: Uint32Array,
    found: (vector: Uint8Array | undefined, position: number, id: DocumentId) => void,
  ): Promise<void> =>
    visitBlocks(views, wanted, layout, read, ledger, ({ segment, index, bytes, ...rows }) => {
      const release = ledger.hold(segment.root.documents.contentBytes[index] as number);
      const block = openDocumentBlock(segment, index, bytes);
      const at = attributeIndex(segment, column.name);
      for (const [i, ordinal] of rows.ordinals.entries()) {
        const value = documentValues(segment, block, ordinal)[at];
        const vector = value instanceof Uint8Array ? value : undefined;
        found(vector, rows.positions[i] as number, documentId(block, ordinal));
      }
      release();
    });
  const plain = views.filter(({ segment }) => !hasPlanes(segment));
  const codes = new Map<PlacedInput, RefineRows>();
  const encoder = new VectorEncoder(dims, spec.rotation, metricOf(spec.schema), kernels);
  const bytes = totalRows(plain) * refineRowBytes(encoder.width);
  if (bytes > limits.furtherCodesBytesMax) return undefined;
  releases.push(ledger.hold(bytes));
  for (const input of plain) {
    const { rows, idKind } = input.segment.root;
    const own = allocateRefineRows(rows, encoder.width);
    const live = liveRows([input]);
    let isWhole = true;
    await visit(live, (vector, position, id) => {
      const ordinal = (live[position] as number) - input.first;
      isWhole &&= vector !== undefined;
      if (vector === undefined) return;
      encoder.encode(unpackVector(vector, dims, element), own, ordinal);
      own.keys.set(idKeys(idKind, [id]), ordinal * idKeyBytes);
    });
    if (!isWhole) return undefined;
    codes.set(input, own);
  }
  return {
    gatherCodes(wanted: Uint32Array, out: RefineRows): void {
      for (const [{ segment, first }, own] of codes) {
        for (const [i, row] of wanted.entries()) {
          const ordinal = row - first;
          if (ordinal >= 0 && ordinal < segment.root.rows) copyRefineRow(own, ordinal, out, i);
        }
      }
    },
    async gatherVectors(wanted: Uint32Array, out: Float32Array): Promise<void> {
      if (plain.length === 0) return;
      await visit(wanted, (vector, position) => {
        if (vector !== undefined) out.set(unpackVector(vector, dims, element), position * dims);
      });
    },
  };
}

function hasPlanes({ root }: Segment): boolean {
  return root.vector !== undefined;
}
