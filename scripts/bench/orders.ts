/**
 * Orders by attributes and ranges of them, with answers by definition: what the bench of filters
 * asks besides. Of data sets that have the numbers `u` and `label`.
 */
import type { Dataset } from "../datasets.ts";
import type { FilterCase } from "./filters.ts";

interface Row {
  readonly id: number;
  readonly u: number;
  readonly label: number;
}

interface Order {
  readonly name: string;
  readonly rankBy: unknown;
  readonly filters?: unknown;
  readonly matches: (row: Row) => boolean;
  /** Ties are by id. */
  readonly compare: (a: Row, b: Row) => number;
}

const range = [
  "And",
  [
    ["u", "Gte", 300],
    ["u", "Lt", 400],
  ],
];
const isInRange = ({ u }: Row): boolean => u >= 300 && u < 400;

const orders: readonly Order[] = [
  {
    name: "order_u",
    rankBy: ["u", "desc"],
    matches: () => true,
    compare: (a, b) => b.u - a.u,
  },
  {
    name: "order_label_u",
    rankBy: [
      ["label", "asc"],
      ["u", "desc"],
    ],
    matches: () => true,
    compare: (a, b) => a.label - b.label || b.u - a.u,
  },
  {
    name: "order_u_range",
    rankBy: ["u", "desc"],
    filters: range,
    matches: isInRange,
    compare: (a, b) => b.u - a.u,
  },
  {
    name: "order_label_range",
    rankBy: ["label", "asc"],
    filters: range,
    matches: isInRange,
    compare: (a, b) => a.label - b.label,
  },
  {
    name: "range_by_id",
    rankBy: ["id", "asc"],
    filters: range,
    matches: isInRange,
    compare: () => 0,
  },
];

export function orderCases(dataset: Dataset, limit: number): readonly FilterCase[] {
  const { u, label } = dataset.columns(0, dataset.base.rows);
  if (u === undefined || label === undefined) return [];
  const rows = u.map((each, id): Row => ({ id, u: Number(each), label: Number(label[id]) }));
  return orders.map(({ name, rankBy, filters, matches, compare }) => {
    const found = rows.filter(matches).sort((a, b) => compare(a, b) || a.id - b.id);
    const first = Int32Array.from(found.slice(0, limit), ({ id }) => id);
    return { name, rankBy, filters, matches: found.length, truth: () => first };
  });
}
