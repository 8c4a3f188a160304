/**
 * One column of all inputs of a merge. Codes of each input are moved up by the number of values in
 * the dictionaries before its own; dictionaries are streamed, chunk by chunk. Inputs that hold the
 * attribute without a column are indexed anew, from their documents.
 */
import { isComparable } from "../../document/value.ts";
import {
  type ColumnValue,
  codeBlockRows,
  readCodes,
  readDictionary,
} from "../../format/segment-columns.ts";
import { decodeRow } from "../../format/segment-documents.ts";
import type { ColumnDirectory } from "../../format/segment-root.ts";
import { locateBlock, type Section } from "../../format/segment-section.ts";
import type { Block } from "../../store/block.ts";
import { attributeIndex, documentBlock, openDocumentBlock } from "../segment/document-rows.ts";
import { blockAt, type Segment } from "../segment/segment.ts";
import { forEachBlock, type ReadRange } from "./block-gather.ts";
import { indexDocuments, type ScanValues } from "./document-index.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import { isLive, type PlacedInput, totalRows } from "./merge-input.ts";
import type { ColumnSource, DictionarySource } from "./row-source.ts";

export async function readMergedColumn(
  inputs: readonly PlacedInput[],
  name: string,
  read: ReadRange,
  ledger: MemoryLedger,
): Promise<ColumnSource> {
  const columns: { readonly input: PlacedInput; readonly column: ColumnDirectory }[] = [];
  const unindexed: PlacedInput[] = [];
  for (const input of inputs) {
    const attribute = input.segment.root.attributes.find((each) => each.name === name);
    if (attribute?.column !== undefined) {
      columns.push({ input, column: attribute.column });
    } else if (attribute !== undefined) {
      unindexed.push(input);
    }
  }
  // Until the column is written, which counts them itself.
  const release = ledger.hold(4 * totalRows(inputs));
  const codes = new Uint32Array(totalRows(inputs));
  const dictionaries: DictionarySource[] = [];
  let base = 0;
  for (const { input, column } of columns) {
    await addCodes(input, column, codes, base, read, ledger);
    const length = column.firstValues[column.dictionary.count] as number;
    const values = () => readValues(input.segment, column, read, ledger);
    dictionaries.push({ length, values });
    base += length;
  }
  if (unindexed.length > 0) {
    const scan = scanDocuments(unindexed, name, read, ledger);
    dictionaries.push(await indexDocuments({ scan, codes, base, ledger }));
  }
  release();
  return { codes, dictionaries };
}

/** The attribute of every living document of the inputs. */
function scanDocuments(
  inputs: readonly PlacedInput[],
  name: string,
  read: ReadRange,
  ledger: MemoryLedger,
): ScanValues {
  return async (visit) => {
    for (const input of inputs) {
      const { segment, first } = input;
      const { attributes, documents } = segment.root;
      const at = attributeIndex(segment, name);
      const blocks = Array.from({ length: documents.blocks.count }, (_, i) =>
        documentBlock(segment, i),
      );
      await forEachBlock(blocks, read, ledger, (index, bytes) => {
        const release = ledger.hold(documents.contentBytes[index] as number);
        const { from, to, rows } = openDocumentBlock(segment, index, bytes);
        for (let ordinal = from; ordinal < to; ordinal++) {
          const value = isLive(input, ordinal)
            ? (decodeRow(rows.row(ordinal - from), attributes.length)[at] ?? null)
            : null;
          if (isComparable(value)) {
            visit(first + ordinal, value);
          }
        }
        release();
      });
    }
  };
}

async function addCodes(
  { segment, first }: PlacedInput,
  column: ColumnDirectory,
  codes: Uint32Array,
  base: number,
  read: ReadRange,
  ledger: MemoryLedger,
): Promise<void> {
  const { rows } = segment.root;
  await forEachBlock(blocksOf(segment, column.codes), read, ledger, (index, bytes) => {
    const from = index * codeBlockRows;
    const own = readCodes(bytes, Math.min(codeBlockRows, rows - from), column.codeBytes);
    for (let i = 0; i < own.length; i++) {
      const code = own[i] as number;
      codes[first + from + i] = code === 0 ? 0 : base + code;
    }
  });
}

async function* readValues(
  segment: Segment,
  column: ColumnDirectory,
  read: ReadRange,
  ledger: MemoryLedger,
): AsyncGenerator<readonly ColumnValue[]> {
  for (const [chunk, block] of blocksOf(segment, column.dictionary).entries()) {
    let values: readonly ColumnValue[] = [];
    const { firstValues } = column;
    const length = (firstValues[chunk + 1] as number) - (firstValues[chunk] as number);
    await forEachBlock([block], read, ledger, (_, bytes) => {
      values = readDictionary(bytes, length);
    });
    // Decoded text and numbers take some times their encoded size.
    const release = ledger.hold(4 * block.length);
    yield values;
    release();
  }
}

function blocksOf(segment: Segment, section: Section): Block[] {
  return Array.from({ length: section.count }, (_, i) => blockAt(segment, locateBlock(section, i)));
}
