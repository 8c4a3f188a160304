/** Random queries, and what their answers must be at a point of the history. */
import type { AttributeValue } from "../../src/document/value.ts";
import { type AggregateQuery, noAttributes, type Query } from "../../src/query/query.ts";
import type { PartResult, ResultRow, SearchResult } from "../../src/query/result.ts";
import { aggregated, type OracleAggregates, shownAggregates } from "../oracle/aggregates.ts";
import {
  BruteForce,
  distance,
  matches,
  type OracleDocument,
  type OracleFilter,
  type OracleHit,
} from "../oracle/brute-force.ts";
import { type OracleOrder, type OracleRank, ordered, scored } from "../oracle/ranks.ts";
import type { Point } from "./history.ts";
import type { SimRandom } from "./random.ts";
import type { Sizes } from "./sizes.ts";
import {
  compareTexts,
  highlightLabel,
  randomFuzzy,
  randomSequence,
  randomTextRank,
  randomWords,
} from "./text-questions.ts";
import { sideOf } from "./writes.ts";

export interface Check {
  readonly kind: "listing" | "kNN" | "ANN" | "ordered" | "scored" | "text";
  readonly filter: OracleFilter | undefined;
  readonly descending: boolean;
  readonly vector: Float32Array;
  /** Whose distance from it ranks; missing: the first. */
  readonly column?: "side";
  readonly limit: number;
  readonly offset: number;
  /** Of `ordered`. */
  readonly orders?: readonly OracleOrder[];
  /** Of `scored`. */
  readonly expression?: OracleRank;
  /** Of `text`, and the beginning of a last one. */
  readonly words?: readonly string[];
  readonly typed?: string;
}

export interface Question {
  readonly ask: Omit<Query, "consistency">;
  readonly check: Check;
}

export function askAnything(random: SimRandom, sizes: Sizes): Question {
  const dice = random.next();
  const kind =
    dice < 0.38
      ? "listing"
      : dice < 0.53
        ? "kNN"
        : dice < 0.75
          ? "ANN"
          : dice < 0.86
            ? "ordered"
            : dice < 0.9
              ? "scored"
              : "text";
  const isComplete = kind === "listing" && random.chance(0.7);
  const check: Check = {
    kind,
    ...askedColumn(random, sizes, kind),
    filter: isComplete || random.chance(0.4) ? undefined : randomFilter(random, sizes),
    descending: random.chance(0.5),
    vector: Float32Array.from({ length: 4 }, () => random.below(16) - 8),
    limit: isComplete ? 5_000 : 1 + random.below(20),
    offset: random.chance(0.8) ? 0 : random.below(4),
  };
  const { rank, ...more } = randomRank(random, kind, check);
  const ask = {
    rank,
    limit: check.limit,
    offset: check.offset,
    filters: check.filter,
    attributes: random.chance(0.9) ? ({ kind: "all" } as const) : noAttributes,
    ...(kind === "text" && more.typed === undefined ? { computed: [highlightLabel] } : {}),
    metric: undefined,
    disableCache: random.chance(0.1),
  };
  return { ask, check: { ...check, ...more } };
}

/** All documents but the first, in the order of ids. */
export function askForTheRest(): Question {
  const place = { limit: 5_000, offset: 1 };
  const check: Check = {
    kind: "listing",
    filter: undefined,
    descending: false,
    vector: new Float32Array(4),
    ...place,
  };
  const ask = {
    rank: { kind: "id", descending: false },
    ...place,
    filters: undefined,
    attributes: noAttributes,
    metric: undefined,
    disableCache: false,
  } as const;
  return { ask, check };
}

/** Only worlds with a second vector draw for it. */
function askedColumn(random: SimRandom, { hasSides }: Sizes, kind: Check["kind"]) {
  const isNear = kind === "kNN" || kind === "ANN";
  return hasSides && isNear && random.chance(0.5) ? { column: "side" as const } : {};
}

function randomRank(
  random: SimRandom,
  kind: Check["kind"],
  { descending, vector, column }: Check,
): { readonly rank: Query["rank"] } & Pick<Check, "orders" | "expression" | "words" | "typed"> {
  switch (kind) {
    case "listing":
      return { rank: { kind: "id", descending } };
    case "kNN":
    case "ANN":
      return {
        rank: { kind: "vector", column: column ?? "vector", vector, exhaustive: kind === "kNN" },
      };
    case "ordered": {
      const name = random.pick(["n", "w"]);
      const orders: OracleOrder[] = [[name, descending ? "desc" : "asc"]];
      if (random.chance(0.3)) orders.push(["id", "desc"]);
      const keys = orders.map(([attribute, way]) => ({ attribute, descending: way === "desc" }));
      return { rank: { kind: "order", keys }, orders };
    }
    case "text":
      return randomTextRank(random);
    case "scored": {
      const n = random.below(10);
      const far = ["Dist", ["Attribute", "n"], n];
      const expression = random.pick<OracleRank>([
        far,
        [
          "Sum",
          [
            ["Decay", far, { midpoint: 2 }],
            ["n", "Gt", n],
          ],
        ],
        ["n", "Lt", n],
        randomFuzzy(random),
      ]);
      return { rank: { kind: "expression", json: expression }, expression };
    }
  }
}

/** Documents that match counted and summed, by `n` or as a whole. */
export interface Counting {
  readonly ask: AggregateQuery;
  readonly asked: OracleAggregates;
  readonly filter: OracleFilter | undefined;
}

export function countAnything(random: SimRandom, sizes: Sizes): Counting {
  const filter = random.chance(0.5) ? undefined : randomFilter(random, sizes);
  const asked: OracleAggregates = {
    aggregate_by: { c: ["Count"], s: ["Sum", "n"], w: ["CountDistinct", "w"] },
    ...(random.chance(0.6) ? { group_by: ["n"] } : {}),
  };
  const ask = {
    filters: filter,
    aggregates: asked.aggregate_by,
    groups: asked.group_by ?? [],
    groupsMax: 10_000,
    order: undefined,
    metric: undefined,
  };
  return { ask, asked, filter };
}

/** How the answer differs from what it must be at the point, or undefined. */
export function compareCounts(
  { asked, filter }: Counting,
  point: Point,
  [part]: readonly PartResult[],
): string | undefined {
  const expected = JSON.stringify(aggregated(oracleOf(point), asked, filter), plainNumber);
  const shown =
    part?.kind === "aggregates" ? JSON.stringify(shownAggregates(part), plainNumber) : "no counts";
  return shown === expected ? undefined : `${shown} instead of ${expected}`;
}

function plainNumber(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}

/** Many readers see the same point. */
const oracles = new WeakMap<Point["documents"], BruteForce>();

function oracleOf({ documents }: Point): BruteForce {
  const known = oracles.get(documents);
  if (known !== undefined) return known;
  const oracle = new BruteForce();
  for (const document of documents.values()) oracle.upsert(document);
  oracles.set(documents, oracle);
  return oracle;
}

function randomFilter(random: SimRandom, sizes: Sizes): OracleFilter {
  const n = random.below(10);
  const letter = random.pick(["a", "b", "c"]);
  switch (random.below(10)) {
    case 0:
      return ["n", random.pick(["Eq", "NotEq", "Lt", "Gte"]), n > 7 ? null : n];
    case 1:
      return ["id", random.pick(["Gt", "Lte"]), random.below(sizes.ids)];
    case 2:
      return ["n", random.pick(["In", "NotIn"]), [n, (n + 3) % 10]];
    case 3:
      return absentFilter(n, `t${"abc".indexOf(letter)}`);
    case 4:
      return ["label", random.pick(["Glob", "NotGlob"]), random.pick([`${letter}*`, `?${n}`])];
    case 5:
      return random.chance(0.5)
        ? randomFuzzy(random)
        : ["label", random.pick(["Lt", "Gte"]), `${letter}${n}`];
    case 6:
      return ["label", random.pick(["IGlob", "NotIGlob"]), `{${letter.toUpperCase()},a}[0-${n}]`];
    case 7:
      return random.chance(0.5)
        ? ["label", "ContainsAnyToken", randomWords(random).join(" ")]
        : ["label", "ContainsTokenSequence", randomSequence(random)];
    case 8:
      return ["And", [randomFilter(random, sizes), randomFilter(random, sizes)]];
    default:
      return ["Or", [randomFilter(random, sizes), randomFilter(random, sizes)]];
  }
}

/** On what documents lack, or may lack: elements of arrays, and numbers. */
function absentFilter(n: number, tag: string): OracleFilter {
  const all: readonly OracleFilter[] = [
    ["Not", ["n", "Eq", n]],
    ["n", "Lt", 1],
    ["n", "NotEq", null],
    ["tags", "Eq", null],
    ["tags", "Contains", tag],
    ["tags", "NotContains", tag],
    ["Not", ["tags", "Contains", tag]],
    ["tags", "ContainsAny", [tag, "t3"]],
    ["tags", "NotContainsAny", [tag, "t5"]],
    ["tags", "NotGlob", `${tag}*`],
  ];
  return all[n] as OracleFilter;
}

/** How the answer differs from what it must be at the point, or undefined. */
export function compareAnswer(
  check: Check,
  point: Point,
  { rows }: Pick<SearchResult, "rows">,
): string | undefined {
  const { kind, limit, offset } = check;
  const oracle = oracleOf(point);
  if (kind === "ANN") return compareNear(check, oracle, rows);
  if (kind === "text") {
    return compareTexts({ words: [], ...check }, oracle, rows, compareRow);
  }
  const all = expectedHits(check, oracle);
  const expected = all.slice(offset, offset + limit);
  for (let at = 0; at < Math.max(rows.length, expected.length); at++) {
    const [row, hit] = [rows[at], expected[at]];
    const wrong =
      row === undefined || hit === undefined
        ? `${rows.length} rows instead of ${expected.length}`
        : (compareRow(row, hit.document) ??
          (kind !== "listing" && row.distance !== hit.distance
            ? `distance ${row.distance} instead of ${hit.distance}`
            : undefined));
    if (wrong !== undefined) return `row ${at}: ${wrong}`;
  }
  return undefined;
}

function expectedHits(
  { kind, filter, descending, vector, column, orders = [], expression = [] }: Check,
  oracle: BruteForce,
): readonly OracleHit[] {
  switch (kind) {
    case "kNN":
    case "ANN":
      return oracle.nearest("euclidean_squared", vector, filter, vectorOf(column));
    case "listing":
    case "text":
      return oracle.byId(descending, filter);
    case "ordered":
      return ordered(oracle, orders, filter).map((document) => ({ id: document.id, document }));
    case "scored":
      return scored(oracle, expression, filter).map(({ document, score }) => ({
        id: document.id,
        distance: score,
        document,
      }));
  }
}

function vectorOf(column: Check["column"]): (document: OracleDocument) => Float32Array {
  return column === "side" ? sideOf : ({ vector }) => vector ?? new Float32Array(4);
}

/** Which rows is approximate; what they say is not. */
function compareNear(
  { vector, column, filter, limit, offset }: Check,
  oracle: BruteForce,
  rows: readonly ResultRow[],
): string | undefined {
  const matching = oracle.matching(filter);
  const count = Math.max(0, Math.min(limit, matching.length - offset));
  if (rows.length !== count) return `${rows.length} rows instead of ${count}`;
  let before = Number.NEGATIVE_INFINITY;
  for (const row of rows) {
    const document = oracle.documents.get(row.id);
    if (document === undefined) return `a phantom: ${row.id}`;
    if (filter !== undefined && !matches(filter, document)) return `${row.id} does not match`;
    const exact = distance("euclidean_squared", vector, vectorOf(column)(document));
    if (row.distance !== exact || exact < before) return `${row.id} at distance ${row.distance}`;
    before = exact;
    const wrong = compareRow(row, document);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** How the row differs from the document, or undefined. */
export function compareRow(row: ResultRow, document: OracleDocument): string | undefined {
  if (row.id !== document.id) return `id ${row.id} instead of ${document.id}`;
  // No attributes were asked for.
  if (row.attributes.length === 0 && row.vector === undefined) return undefined;
  const { attributes } = document;
  const names = Object.keys(attributes);
  const isSame = names.every((wanted) =>
    row.attributes.some(
      ({ name, value }) => name === wanted && isSameValue(value, attributes[name]),
    ),
  );
  if (!isSame || row.attributes.length !== names.length) {
    const shown = Object.fromEntries(row.attributes.map(({ name, value }) => [name, value]));
    return `id ${row.id} is ${JSON.stringify(shown)}, not ${JSON.stringify(document.attributes)}`;
  }
  const vector = row.vector?.values ?? [];
  const same = document.vector?.every((value, i) => value === vector[i]) ?? true;
  return same ? undefined : `vector of ${row.id}`;
}

function isSameValue(a: AttributeValue, b: AttributeValue | undefined): boolean {
  return a === b || (typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));
}
