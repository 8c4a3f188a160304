/**
 * Living rows of all inputs of a merge in the order of their ids: their id blocks, merged. `hashes`
 * gets their record hashes.
 */
import { compareIds, type DocumentId } from "../../document/id.ts";
import { idBlock, idBlockCount, openIdBlock } from "../segment/id-lookup.ts";
import { forEachBlock, type ReadRange } from "./block-gather.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import { isLive, type PlacedInput } from "./merge-input.ts";
import type { OrderedIds } from "./row-source.ts";
import { mergeSorted } from "./sorted-merge.ts";

interface IdItem {
  readonly id: DocumentId;
  readonly row: number;
}

/** Id blocks of an input that are read at once; they are decoded one by one. */
const blocksPerRead = 16;
/** A long id, its row and the objects around them. */
const itemBytes = 128;

export async function* mergeIds(
  inputs: readonly PlacedInput[],
  read: ReadRange,
  ledger: MemoryLedger,
  hashes: BigUint64Array,
): AsyncGenerator<OrderedIds> {
  const streams = inputs.map((input) => readIds(input, read, ledger, hashes));
  for await (const items of mergeSorted(streams, (a, b) => compareIds(a.id, b.id))) {
    yield { ids: items.map(({ id }) => id), rows: Uint32Array.from(items, ({ row }) => row) };
  }
}

async function* readIds(
  input: PlacedInput,
  read: ReadRange,
  ledger: MemoryLedger,
  hashes: BigUint64Array,
): AsyncGenerator<readonly IdItem[]> {
  const { segment, first } = input;
  const count = idBlockCount(segment);
  // Emptied before more is read: a generator that waits holds on to all it has.
  const copies: Uint8Array[] = [];
  for (let from = 0; from < count; from += blocksPerRead) {
    const length = Math.min(blocksPerRead, count - from);
    const blocks = Array.from({ length }, (_, i) => idBlock(segment, from + i));
    const release = ledger.hold(blocks.reduce((sum, block) => sum + block.length, 0));
    await forEachBlock(blocks, read, ledger, (i, bytes) => {
      copies[i] = bytes.slice();
    });
    for (const [i, bytes] of copies.entries()) {
      const { ids, ordinals, hashAt } = openIdBlock(segment, from + i, bytes);
      const items: IdItem[] = [];
      ordinals.forEach((ordinal, j) => {
        if (isLive(input, ordinal)) {
          hashes[first + ordinal] = hashAt(j);
          items.push({ id: ids.at(j), row: first + ordinal });
        }
      });
      const releaseItems = ledger.hold(items.length * itemBytes);
      yield items;
      releaseItems();
    }
    copies.length = 0;
    release();
  }
}
