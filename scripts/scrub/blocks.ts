/** Blocks of segments as they are scrubbed, and what it means if one is not what it should be. */
import type { Block } from "../../src/store/block.ts";
import type { Ledger, Lesson } from "./ledger.ts";

export const lesson: Lesson = {
  meaning: "queries and jobs that need this part of the segment fail; the others are right",
  remedy: "put the object back from a copy; without one, export what can be read and write it anew",
};
export const mixedUp: Lesson = {
  meaning: "answers may be wrong",
  remedy: "stop writing, keep the bucket as it is and report this with the object",
};

/** From the object's bytes while they are at hand: most blocks of it are read one after another. */
export async function readBlock(ledger: Ledger, block: Block): Promise<Uint8Array | undefined> {
  const { key, offset, length } = block;
  const whole = ledger.atHand(key) ?? (await ledger.takeInHand(key));
  // Missing and short objects were reported with their part.
  return whole !== undefined && offset + length <= whole.length
    ? whole.slice(offset, offset + length)
    : undefined;
}
