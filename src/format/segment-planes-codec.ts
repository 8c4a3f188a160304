/**
 * What a root says of the planes of vector columns, the first and further ones. See segment-root.ts
 * for the arrays.
 */
import type { ByteReader } from "../bytes/byte-reader.ts";
import {
  type DistanceMetric,
  distanceMetrics,
  type VectorElement,
  vectorElements,
} from "../document/schema.ts";
import { corrupt } from "../errors.ts";
import { limits } from "../limits.ts";
import { codeSection, refineSection, scanSection, vectorSection } from "./counted-sections.ts";
import { readFirsts } from "./segment-column-codec.ts";
import type { FurtherPlanes, SegmentRoot, VectorPlanes } from "./segment-root.ts";
import { RootFields } from "./segment-root-fields.ts";
import { placeFromCbor, placeToCbor, type Section } from "./segment-section.ts";

export function planesHead(vector: VectorPlanes): Record<string, unknown> {
  const { name, dims, element, metric, rotation, clustered, firstRows, centroids } = vector;
  return {
    name,
    dims,
    element,
    metric,
    rotation: [rotation.low, rotation.high],
    clustered,
    blocks: firstRows.length - 1,
    centroids: centroids.scales.length,
    scan: placeToCbor(vector.scan),
    refine: placeToCbor(vector.refine),
    vectors: placeToCbor(vector.vectors),
  };
}

export function furtherHead(planes: FurtherPlanes): unknown {
  const { ordinals } = planes;
  return {
    ...planesHead(planes),
    ordinals: ordinals === undefined ? null : placeToCbor(ordinals),
  };
}

export function planesArrays({ firstRows, centroids }: VectorPlanes): ArrayBufferView[] {
  const { radii, scales, codes } = centroids;
  return [firstRows, radii, scales, codes];
}

export function readPlanes(reader: ByteReader, fields: RootFields, rows: number): VectorPlanes {
  const dims = fields.count("dims");
  if (dims < 1 || dims > limits.dimensionsMax) {
    throw reader.error(`${dims} dimensions`);
  }
  const element = fields.oneOf<VectorElement>("element", vectorElements);
  const width = Math.ceil(dims / 64) * 64;
  const [low, high] = fields.counts("rotation", 2);
  reader.alignTo(16);
  const firstRows = readFirsts(reader, fields.count("blocks"), rows);
  const centroids = readCentroids(reader, fields.count("centroids"), width);
  return {
    name: fields.text("name"),
    dims,
    element,
    width,
    metric: fields.oneOf<DistanceMetric>("metric", distanceMetrics),
    rotation: { low: low as number, high: high as number },
    clustered: fields.flag("clustered"),
    firstRows,
    centroids,
    scan: scanSection(placeFromCbor(fields.value("scan")), firstRows, width),
    refine: refineSection(placeFromCbor(fields.value("refine")), rows, width),
    vectors: vectorSection(placeFromCbor(fields.value("vectors")), rows, { dims, element }),
  };
}

function readCentroids(reader: ByteReader, count: number, width: number) {
  reader.alignTo(16);
  const radii = reader.f32s(count);
  reader.alignTo(16);
  const scales = reader.f32s(count);
  reader.alignTo(16);
  const codes = reader.i8s(count * width);
  const norms = new Float32Array(count);
  for (let j = 0; j < count; j++) {
    let squares = 0;
    for (let d = j * width; d < (j + 1) * width; d++) {
      squares += (codes[d] as number) * (codes[d] as number);
    }
    norms[j] = squares * (scales[j] as number) * (scales[j] as number);
  }
  return { codes, scales, norms, radii };
}

/** A root without them does not say so. */
export function readFurther(
  reader: ByteReader,
  head: RootFields,
  rows: number,
): Pick<SegmentRoot, "further"> {
  if (head.value("further") === undefined) return {};
  const further = head.list("further").map((value): FurtherPlanes => {
    const fields = new RootFields(value);
    const planes = readPlanes(reader, fields, rows);
    const place = fields.value("ordinals");
    return place === null
      ? planes
      : { ...planes, ordinals: codeSection(placeFromCbor(place), rows, ordinalBytes) };
  });
  return { further };
}

/** Of each row of planes with an order of their own. */
export const ordinalBytes = 4;

export function planesSections({ scan, refine, vectors }: VectorPlanes): [string, Section][] {
  return [
    ["scan", scan],
    ["refine", refine],
    ["vectors", vectors],
  ];
}

export function furtherSections(planes: FurtherPlanes): [string, Section][] {
  const { ordinals } = planes;
  return [
    ...planesSections(planes),
    ...(ordinals === undefined ? [] : [["ordinals", ordinals] as [string, Section]]),
  ];
}

export function checkPlanes({ clustered, firstRows, centroids }: VectorPlanes): void {
  if (centroids.scales.length !== (clustered ? firstRows.length - 1 : 1)) {
    throw corrupt("segment root: centroids do not match the scan blocks");
  }
}
