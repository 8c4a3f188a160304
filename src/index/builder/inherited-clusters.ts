/**
 * The clusters a merge goes on with: those of the input that most of the living rows come from. If
 * none has so many, rows are clustered anew: as many clusters would have to be split as are kept.
 */
import { dequantiseCentroid } from "../vector/centroids.ts";
import { isLive, liveRowCount, type PlacedInput } from "./merge-input.ts";
import { type InheritedClusters, noCluster } from "./row-source.ts";

/** Of the living rows. */
const shareMin = 0.5;

/** `live`: all living rows, ascending. */
export function inheritedClusters(
  inputs: readonly PlacedInput[],
  live: Uint32Array,
): InheritedClusters | undefined {
  const main = inputs.find((input) => liveRowCount(input) >= shareMin * live.length);
  const vector = main?.segment.root.vector;
  if (main === undefined || vector?.clustered !== true) {
    return undefined;
  }
  const { width, firstRows } = vector;
  const count = firstRows.length - 1;
  const centroids = new Float32Array(count * width);
  for (let cluster = 0; cluster < count; cluster++) {
    const own = centroids.subarray(cluster * width, (cluster + 1) * width);
    dequantiseCentroid(vector.centroids, cluster, own);
  }
  const clusters = new Uint32Array(live.length).fill(noCluster);
  let at = live.findIndex((row) => row >= main.first);
  for (let cluster = 0; cluster < count; cluster++) {
    const end = firstRows[cluster + 1] as number;
    for (let ordinal = firstRows[cluster] as number; ordinal < end; ordinal++) {
      if (isLive(main, ordinal)) {
        clusters[at++] = cluster;
      }
    }
  }
  return { centroids, clusters };
}
