/** Planted bugs around objects that cannot be read; see mutants.ts. */
import type { Mutant } from "./mutant.ts";

export const quarantineMutants: readonly Mutant[] = [
  {
    name: "an entry that cannot be read is skipped without anybody's decision",
    edits: [
      {
        file: "src/recover-log.ts",
        find: "        return slot.reason;\n",
        replace: `        return applySkip(state, {
          generation: state.generation,
          sequence: state.next,
          epoch: 0,
          nonce: new Uint8Array(16),
          timeMs: 0,
          reason: "",
          fault: slot.reason,
          found: undefined,
          hash: slot.bytes?.slice(-32) ?? state.hash,
          schemaVersion: state.schema.version,
        });
`,
      },
    ],
  },
  {
    name: "in quarantine what lies before the bad entry is shown as if it were all",
    edits: [
      {
        file: "src/owner.ts",
        find: "      if (request.brief !== true) this",
        replace: "      if (request.protocol < 0) this",
      },
    ],
  },
  {
    name: "readers are not told which entries are skipped",
    edits: [
      {
        file: "src/namespace/state.ts",
        find: "    isSkipped === true && sequence >= from && sequence < to ? [sequence] : [],",
        replace: "    isSkipped === true && sequence < from && sequence < to ? [sequence] : [],",
      },
    ],
  },
];
