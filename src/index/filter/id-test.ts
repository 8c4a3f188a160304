/**
 * One comparison on the id, through the id blocks: equality reads the block the id would be in, a
 * range the blocks on its smaller side, a glob those of the ids that begin as it does.
 */
import { Bitmap } from "../../bytes/bitmap.ts";
import { type CompareFilter, testOf, type ValueTest } from "../../document/filter.ts";
import { globPrefix } from "../../document/glob.ts";
import { compareIds, type DocumentId } from "../../document/id.ts";
import type { AttributeValue } from "../../document/value.ts";
import {
  findIds,
  idBlock,
  idBlockCount,
  idBlockOf,
  lowerBound,
  planIds,
} from "../segment/id-lookup.ts";
import type { Segment } from "../segment/segment.ts";
import type { Evaluation } from "./evaluation.ts";
import type { WantedBlocks } from "./wanted-blocks.ts";

/** What is looked for, or its complement. */
export interface IdTest {
  readonly inverted: boolean;
  readonly target: IdTarget;
}

type IdTarget =
  | { readonly kind: "none" }
  | { readonly kind: "listed"; readonly reads: readonly ListedRead[] }
  /** Ids that a test accepts, of those in the blocks. */
  | { readonly kind: "tested"; readonly test: ValueTest; readonly reads: readonly BlockRead[] }
  /** Ids below the bound, or from it on. */
  | {
      readonly kind: "below" | "from";
      readonly bound: DocumentId;
      /** Whether the bound itself counts as below. */
      readonly included: boolean;
      readonly reads: readonly BlockRead[];
    };

interface BlockRead {
  /** Id block. */
  readonly block: number;
  /** Its number among the blocks of the plan. */
  readonly number: number;
}

interface ListedRead extends BlockRead {
  readonly ids: readonly DocumentId[];
}

export function planIdTest(segment: Segment, filter: CompareFilter, wanted: WantedBlocks): IdTest {
  const { op, value } = filter;
  switch (op) {
    case "Eq":
    case "In":
      return { inverted: false, target: planListed(segment, value, wanted) };
    case "NotEq":
    case "NotIn":
      return { inverted: true, target: planListed(segment, value, wanted) };
    case "Lt":
    case "Lte":
      return planRange(segment, value, op === "Lte", false, wanted);
    case "Gt":
    case "Gte":
      return planRange(segment, value, op === "Gt", true, wanted);
    case "Glob":
    case "NotGlob":
      return planTested(segment, filter, globPrefix(String(value)), wanted);
    case "IGlob":
    case "NotIGlob":
    case "Contains":
    case "NotContains":
    case "ContainsAny":
    case "NotContainsAny":
    case "AnyLt":
    case "AnyLte":
    case "AnyGt":
    case "AnyGte":
    case "Regex":
    case "Fuzzy":
      return planTested(segment, filter, "", wanted);
  }
}

/** Ids that do not begin with `prefix` match as an absent value does. */
function planTested(
  segment: Segment,
  filter: CompareFilter,
  prefix: string,
  wanted: WantedBlocks,
): IdTest {
  const accepts = testOf(filter);
  const inverted = accepts(null);
  const test: ValueTest = inverted ? (id) => !accepts(id) : accepts;
  const { firstIds } = segment.root.ids;
  const count = idBlockCount(segment);
  const reads: BlockRead[] = [];
  for (let block = idBlockOf(segment, prefix); block < count; block++) {
    const first = firstIds.at(block);
    if (compareIds(first, prefix) > 0 && !String(first).startsWith(prefix)) break;
    reads.push({ block, number: wanted.add(idBlock(segment, block)) });
  }
  return { inverted, target: { kind: "tested", test, reads } };
}

function planListed(segment: Segment, value: AttributeValue, wanted: WantedBlocks): IdTarget {
  const ids = value === null ? [] : typeof value === "object" ? value : [value];
  const plan = planIds(segment, ids as readonly DocumentId[]);
  const reads = plan.blocks.map((block, i) => ({
    block,
    number: wanted.add(idBlock(segment, block)),
    ids: plan.ids[i] ?? [],
  }));
  return reads.length === 0 ? { kind: "none" } : { kind: "listed", reads };
}

/**
 * Ids below the bound, `included` or not; `above` asks for the complement. No id is null or below
 * it.
 */
function planRange(
  segment: Segment,
  value: AttributeValue,
  included: boolean,
  above: boolean,
  wanted: WantedBlocks,
): IdTest {
  if (value === null) {
    return { inverted: above, target: { kind: "none" } };
  }
  const bound = value as DocumentId;
  const { minId, maxId } = segment.root;
  const first = compareIds(bound, minId);
  const last = compareIds(bound, maxId);
  if (first < 0 || (first === 0 && !included)) {
    return { inverted: above, target: { kind: "none" } };
  }
  if (last > 0 || (last === 0 && included)) {
    return { inverted: !above, target: { kind: "none" } };
  }
  const edge = idBlockOf(segment, bound);
  const count = idBlockCount(segment);
  const below = edge < count / 2;
  const from = below ? 0 : edge;
  const to = below ? edge : count - 1;
  const reads = Array.from({ length: to - from + 1 }, (_, i) => ({
    block: from + i,
    number: wanted.add(idBlock(segment, from + i)),
  }));
  const target: IdTarget = { kind: below ? "below" : "from", bound, included, reads };
  return { inverted: below === above, target };
}

export function evaluateIdTest(evaluation: Evaluation, { inverted, target }: IdTest): Bitmap {
  const { steps } = evaluation;
  const result = new Bitmap(evaluation.segment.root.rows);
  if (target.kind === "listed") {
    for (const { block, number, ids } of target.reads) {
      const rows = evaluation.idRows(block, number);
      steps.values += ids.length;
      findIds(rows, ids, (_, ordinal) => result.set(ordinal));
    }
  } else if (target.kind === "tested") {
    for (const { block, number } of target.reads) {
      const { ids, ordinals } = evaluation.idRows(block, number);
      steps.values += ids.length;
      for (let i = 0; i < ids.length; i++) {
        if (target.test(ids.at(i))) result.set(ordinals[i] as number);
      }
    }
  } else if (target.kind !== "none") {
    for (const { block, number } of target.reads) {
      const rows = evaluation.idRows(block, number);
      const { ids, ordinals } = rows;
      let edge = lowerBound(rows, target.bound);
      if (target.included && edge < ids.length && compareIds(ids.at(edge), target.bound) === 0) {
        edge++;
      }
      const [from, to] = target.kind === "below" ? [0, edge] : [edge, ids.length];
      steps.values += to - from;
      for (let i = from; i < to; i++) {
        result.set(ordinals[i] as number);
      }
    }
  }
  return inverted ? result.invert() : result;
}
