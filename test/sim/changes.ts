/**
 * Patches, conditions and writes by filter, through the code of the API. Each also writes a
 * document of a journal, by whose tag the log entry that holds it is recognised; then what it did
 * must be what it does by definition (oracle/writes.ts) to the documents right before it. Only
 * which documents a filter is tried on may be those of any moment since it was asked for.
 *
 * Chance comes from a stream of its own: worlds without such writes are as they were.
 */
import type { BuiltChange } from "../../src/change-attempt.ts";
import type { Batch } from "../../src/document/batch.ts";
import type { DocumentId } from "../../src/document/id.ts";
import type { WriteCounts } from "../../src/format/wal.ts";
import { limits } from "../../src/limits.ts";
import { BruteForce, type OracleDocument, type OracleFilter } from "../oracle/brute-force.ts";
import {
  applyWrite,
  matchingIds,
  type OracleCandidates,
  type OracleCondition,
  type OracleOutcome,
  type OracleRow,
  type OracleWrite,
} from "../oracle/writes.ts";
import type { Documents } from "./history.ts";
import type { SimRandom } from "./random.ts";
import type { World } from "./world.ts";
import { claims, counters, tagsOf } from "./writes.ts";

const journals: readonly number[] = [1_030, 1_031, 1_032];

export interface ChangeIntent {
  readonly tag: number;
  readonly write: OracleWrite;
  readonly allowPartial: boolean;
}

/** What became of it, as its client is to be told. */
export interface ChangeOutcome extends OracleOutcome {
  readonly remain: boolean;
}

export function planChange({ changing: random, sizes, newTag }: World, now: Documents) {
  const tag = newTag();
  const ids = [
    ...new Set(Array.from({ length: 1 + random.below(4) }, () => anyId(random, sizes.ids))),
  ];
  const seen = now.get(ids[0] as number)?.attributes["w"] ?? null;
  const row = (id: number): OracleRow => ({
    id,
    vector: vector(random),
    w: tag,
    n: random.below(10),
    label: `${random.pick(["a", "b", "c"])}${random.below(10)}${random.pick(["", "", " a0", " b0"])}`,
    tags: tagsOf(id, tag),
  });
  const patch = (): OracleRow => {
    const { vector: replaced, ...others } = row(0);
    // What a rewrite has seen is not what this one has.
    const values = { ...others, r: null };
    return random.chance(0.3) && replaced !== undefined ? { ...values, vector: replaced } : values;
  };
  const journal = random.pick(journals);
  const kinds = [
    "upsert",
    "patch",
    "patch",
    "delete",
    "sweep",
    "sweep",
    "touch",
    "touch",
    "all",
    "all",
  ] as const;
  const kind = random.pick(kinds);
  const is = (...some: readonly (typeof kind)[]): boolean => kind === "all" || some.includes(kind);
  const [first, ...others] = ids as [number, ...number[]];
  const upserts = kind === "all" ? [first] : is("upsert") ? ids : [];
  const patches = kind === "all" ? others.slice(0, 1) : is("patch") ? ids : [];
  const deletes = kind === "all" ? others.slice(1) : is("delete") ? ids : [];
  const { id: _, ...byFilter } = patch();
  // What a filter deletes is patched by id all the same.
  const met = kind === "all" ? now.get(patches[0] ?? -1)?.attributes["n"] : undefined;
  const sweep: OracleFilter =
    typeof met === "number" && random.chance(0.7)
      ? ["n", "Eq", met]
      : randomFilter(random, sizes.ids);
  const condition = randomCondition(random, seen);
  const write: OracleWrite = {
    upsert_rows: [...upserts.map(row), row(journal)],
    ...(is("upsert") ? { upsert_condition: ["Or", [condition, ["id", "Eq", journal]]] } : {}),
    ...(is("patch") ? { patch_rows: patches.map((id) => ({ ...patch(), id })) } : {}),
    ...(is("delete") ? { deletes } : {}),
    ...(kind === "patch" && random.chance(0.6) ? { patch_condition: condition } : {}),
    ...(kind === "delete" && random.chance(0.8) ? { delete_condition: condition } : {}),
    ...(is("sweep") ? { delete_by_filter: sweep } : {}),
    ...(is("touch")
      ? { patch_by_filter: { filters: wideFilter(random, sizes.ids), patch: byFilter } }
      : {}),
  };
  return { tag, write, allowPartial: random.chance(0.5) };
}

/** As it is sent. */
export function bodyOf({ write, allowPartial }: ChangeIntent): object {
  return {
    ...write,
    distance_metric: "euclidean_squared",
    schema: {
      vector: { type: "[4]f32", ann: true, patchable: true },
      label: { type: "string", filterable: true, fuzzy: true, full_text_search: true },
      tags: { type: "[]string", filterable: true },
    },
    patch_by_filter_allow_partial: allowPartial,
    delete_by_filter_allow_partial: allowPartial,
  };
}

function anyId(random: SimRandom, ids: number): number {
  return random.chance(0.1) ? random.pick([...counters, ...claims]) : random.below(ids);
}

function vector(random: SimRandom): readonly number[] {
  return Array.from({ length: 4 }, () => random.below(16) - 8);
}

function randomFilter(random: SimRandom, ids: number): OracleFilter {
  const n = random.below(10);
  const narrow: OracleFilter = random.chance(0.7) ? ["n", "Eq", n] : ["n", "In", [n, (n + 3) % 10]];
  return random.chance(0.5) ? narrow : ["And", [narrow, ["id", "Gte", random.below(ids)]]];
}

/** Of what meets many documents others are more likely to change one meanwhile. */
function wideFilter(random: SimRandom, ids: number): OracleFilter {
  return random.chance(0.5) ? ["n", "Gte", random.below(8)] : randomFilter(random, ids);
}

function randomCondition(random: SimRandom, seen: unknown): OracleCondition {
  switch (random.below(4)) {
    case 0:
      return ["id", "Eq", null];
    case 1:
      return ["n", random.pick(["Lt", "Gte"]), { $ref_new: "n" }];
    case 2:
      return ["w", "Eq", seen as number | null];
    default:
      return ["n", random.pick(["Lt", "NotEq"]), random.below(10)];
  }
}

// ---- Judgement
// -----------------------------------------------------------------------------------------------

/** The tag of a change, if the rows are those of one. */
export function tagOfChange(batches: readonly Batch[]): number | undefined {
  for (const { ids, upserts, attributes } of batches) {
    const row = ids.findIndex((id, i) => i < upserts && journals.includes(Number(id)));
    const tag = attributes.find(({ name }) => name === "w")?.values[row];
    if (tag !== undefined && tag !== null) return Number(tag);
  }
  return undefined;
}

export interface Verdict {
  readonly fault: string | undefined;
  /** All that explain the rows. */
  readonly outcomes: readonly ChangeOutcome[];
  /** Its filters were tried on what matched earlier. */
  readonly isLate: boolean;
}

/** `moments`: all that was since it was asked for; `after`: right after it. */
export function judgeChange(
  { write, allowPartial }: ChangeIntent,
  moments: readonly Documents[],
  before: Documents,
  after: Documents,
  touched: ReadonlySet<number>,
): Verdict {
  const outcomes: ChangeOutcome[] = [];
  let isLate = false;
  let fault = "";
  const hasFilter = write.delete_by_filter !== undefined || write.patch_by_filter !== undefined;
  for (const moment of hasFilter ? [before, ...moments.toReversed()] : [before]) {
    const { candidates, remain, isRefused } = candidatesAt(write, moment);
    if (isRefused && !allowPartial) continue;
    const documents = oracleOf(before);
    const outcome = applyWrite(documents, write, candidates);
    const wrong = difference(documents, outcome, after, touched);
    if (wrong !== undefined) fault ||= wrong;
    else outcomes.push({ ...outcome, remain });
    isLate ||= wrong === undefined && moment !== before && outcomes.length === 1;
    // The same documents may be counted in other ways: all that explain them are kept.
  }
  const isExplained = outcomes.length > 0;
  return { fault: isExplained ? undefined : fault || "too many match", outcomes, isLate };
}

/** Whether at this moment more match than may be changed. */
export function isTooMuch({ write }: ChangeIntent, documents: Documents): boolean {
  return candidatesAt(write, documents).isRefused;
}

function candidatesAt(
  { delete_by_filter: deletes, patch_by_filter: patches }: OracleWrite,
  moment: Documents,
): {
  readonly candidates: OracleCandidates;
  readonly remain: boolean;
  readonly isRefused: boolean;
} {
  const documents = oracleOf(moment);
  const all = deletes === undefined ? [] : matchingIds(documents, deletes);
  const deleted = new Set(all.slice(0, limits.deleteByFilterRowsMax));
  const others = patches === undefined ? [] : matchingIds(documents, patches.filters);
  const left = others.filter((id) => !deleted.has(id));
  const patched = new Set(left.slice(0, limits.patchByFilterRowsMax));
  const remain = deleted.size < all.length || patched.size < left.length;
  return { candidates: { deletes: deleted, patches: patched }, remain, isRefused: remain };
}

function oracleOf(documents: Documents): BruteForce {
  const oracle = new BruteForce();
  for (const document of documents.values()) oracle.upsert(document);
  return oracle;
}

function difference(
  { documents }: BruteForce,
  { upserted, patched, deleted }: OracleOutcome,
  after: Documents,
  touched: ReadonlySet<number>,
): string | undefined {
  const changed = new Set([...upserted, ...patched, ...deleted].map(Number));
  for (const id of new Set([...changed, ...touched])) {
    if (!changed.has(id)) return `${id} was changed`;
    if (!touched.has(id)) return `${id} was not changed`;
    const [wanted, found] = [documents.get(id), after.get(id)];
    if (show(wanted) !== show(found)) return `${id} is ${show(found)}, not ${show(wanted)}`;
  }
  return undefined;
}

function show(document: OracleDocument | undefined): string {
  if (document === undefined) return "absent";
  const attributes = Object.entries(document.attributes).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([attributes, [...(document.vector ?? [])]]);
}

/** What is wrong with what its client was told. */
export function answerFault(
  outcomes: readonly ChangeOutcome[],
  { upserts, patches, deletes, remain }: WriteCounts,
  affected: BuiltChange["affected"] | undefined,
): string | undefined {
  const told = JSON.stringify([upserts, patches, deletes, remain]);
  const listed = affected && listOf(affected);
  for (const outcome of outcomes) {
    const { upserted, patched, deleted } = outcome;
    const counts = [upserted.length, patched.length, deleted.length, outcome.remain];
    if (JSON.stringify(counts) === told && (listed ?? listOf(outcome)) === listOf(outcome)) {
      return undefined;
    }
  }
  const known = outcomes.map((outcome) => `${outcome.remain} ${listOf(outcome)}`).join(" or ");
  return `it was told ${told} ${listed ?? ""}, not ${known}`;
}

function listOf({ upserted, patched, deleted }: OracleOutcome): string {
  const text = (ids: readonly DocumentId[]) => ids.map(Number);
  return JSON.stringify([text(upserted), text(patched), text(deleted)]);
}
