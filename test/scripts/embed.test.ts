import { expect, it } from "vitest";
import { embeddingDimensions, loadEncoder } from "../../scripts/embed.ts";

const encoder = loadEncoder();

/** Computed with the encoder that the model was published with: tokens, first four values. */
const truth: readonly (readonly [string, readonly number[], readonly number[]])[] = [
  [
    "Why herring swim in schools",
    [2339, 22103, 9880, 1999, 2816],
    [-0.04505, -0.12445, 0.069669, -0.045659],
  ],
  [
    "Ça déjà vu: naïve CAFÉ, 100% (co-op)!",
    [
      6187, 2139, 3900, 24728, 1024, 15743, 7668, 1010, 2531, 1003, 1006, 2522, 1011, 6728, 1007,
      999,
    ],
    [0.017416, -0.021987, 0.03694, 0.017415],
  ],
  [
    "東京タワー and sea_level-rise/v2",
    [1879, 1755, 1709, 30262, 30265, 1998, 2712, 1035, 2504, 1011, 4125, 1013, 1058, 2475],
    [-0.019131, -0.127448, 0.048077, 0.127534],
  ],
  [
    "“smart quotes” — dash… €5 + 3=8",
    [1523, 6047, 16614, 1524, 1517, 11454, 1529, 1574, 2629, 1009, 1017, 1027, 1022],
    [0.097665, 0.029414, -0.030939, -0.033558],
  ],
  ["🐡 emoji puffer", [100, 7861, 29147, 2072, 23893, 2121], [0.019648, 0.020069, -0.007806]],
  ["x".repeat(101), [100], [0.015683, 0.04548, -0.003137, -0.079983]],
  ["", [], [0.015683, 0.04548, -0.003137, -0.079983]],
];

it.each(truth)("gives %j the tokens and the vector of the original encoder", (text, ids, start) => {
  expect(encoder.tokenize(text)).toEqual(ids);
  const vector = encoder.embed(text);
  for (const [d, value] of start.entries()) expect(vector[d]).toBeCloseTo(value, 5);
});

it("drops control characters, but not tabs and line ends", () => {
  expect(encoder.tokenize("sea\0weed\tand\nsalt")).toEqual(encoder.tokenize("seaweed and salt"));
});

it("makes unit vectors of 192 dimensions", () => {
  const vector = encoder.embed("a ship in the fog");
  expect(vector).toHaveLength(embeddingDimensions);
  expect(Math.hypot(...vector)).toBeCloseTo(1, 6);
});

it("reads at most 512 tokens", () => {
  expect(encoder.tokenize("sea ".repeat(600))).toHaveLength(512);
});
