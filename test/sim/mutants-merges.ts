/** Bugs planted in merges that go on where an earlier attempt ended. */
import { type Mutant, mutant } from "./mutant.ts";

export const mergeMutants: readonly Mutant[] = [
  mutant(
    "a merge that goes on forgets what died between its attempts",
    "src/compact.ts",
    "if (info.dead.version !== deadVersions[i]) {",
    "if (info.dead.version !== segment.info.dead.version) {",
  ),
  mutant(
    "a merge goes on with the dead rows of now",
    "src/compact-steps.ts",
    "      return { segment, dead: Bitmap.of(segment.root.rows, [...rows]) };\n    });",
    "      return { segment, dead: Bitmap.of(segment.root.rows, [...rows]) };\n    });\n" +
      "    for (const [i, { segment }] of inputs.entries())\n" +
      "      inputs[i] = { segment, dead: await reader.deadRows(segment.info) };",
  ),
  mutant(
    "a merge goes on under a name of its own",
    "src/compact-steps.ts",
    "    return { segment, inputs, deadVersions, log: logOf(context, known, inputs, done) };",
    "    return { segment: `${segment}x`, inputs, deadVersions, " +
      "log: logOf(context, known, inputs, done) };",
  ),
  mutant(
    "a step is saved without the blocks that are not stored yet",
    "src/index/builder/build-steps.ts",
    "      await this.#writer.flush();\n",
    "",
  ),
];
