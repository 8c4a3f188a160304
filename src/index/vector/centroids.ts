/**
 * Centroids as they are stored: int8 with one scale each. Encoding and search must subtract the
 * very same vector, so both go through `dequantiseCentroid`, and nobody uses a centroid that was
 * never quantised.
 */
import { decodeInt8, encodeInt8 } from "./int8.ts";

export interface QuantisedCentroids {
  /** k x width. */
  readonly codes: Int8Array;
  readonly scales: Float32Array;
  /** |c|^2 of the dequantised centroid. */
  readonly norms: Float32Array;
}

export function quantiseCentroids(centroids: Float32Array, width: number): QuantisedCentroids {
  const { codes, scales, norms } = encodeInt8(centroids, width);
  return { codes, scales, norms };
}

/** The centroid that codes of this cluster are relative to. */
export function dequantiseCentroid(
  centroids: Pick<QuantisedCentroids, "codes" | "scales">,
  cluster: number,
  out: Float32Array,
): Float32Array {
  const width = out.length;
  return decodeInt8(
    centroids.codes.subarray(cluster * width, (cluster + 1) * width),
    centroids.scales.subarray(cluster, cluster + 1),
    out,
  );
}
