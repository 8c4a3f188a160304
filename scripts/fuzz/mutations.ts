/** Ways in which a JSON body can be wrong: each changes one place of a valid one. */
import type { Dice } from "./dice.ts";
import { Members, type Place, placesOf, Raw, type Tree, treeOf } from "./json-tree.ts";

const hostileValues: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  new Raw("18446744073709551615"),
  new Raw("18446744073709551616"),
  new Raw("-9223372036854775809"),
  new Raw("1e400"),
  new Raw("-0"),
  new Raw("1.0"),
  new Raw("0x10"),
  new Raw("NaN"),
  new Raw("Infinity"),
  new Raw("01"),
  new Raw("'text'"),
  new Raw("undefined"),
  new Raw('"\\ud800"'),
  new Raw('"\\u0000"'),
  new Raw('"\\x"'),
  new Raw('"\t"'),
  "",
  " ",
  "💔",
  "__proto__",
  "constructor",
  "$dist",
  "../../etc/passwd",
  "a'; DROP TABLE documents; --",
  "x".repeat(5_000),
  "A".repeat(70_000),
  "AAAAfwAAgH8=",
  [],
  {},
  [[]],
  [null],
  [{}],
  { "": 1 },
  [1, "a"],
  { id: 1 },
];

const hostileKeys: readonly string[] = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "",
  "$x",
  "id",
  "vector",
  "message",
  "\u0000",
  "é".repeat(65),
  "k".repeat(129),
  "k".repeat(5_000),
  "upsert_row",
  "Rank_By",
];

type Mutation = (dice: Dice, place: Place, all: readonly Place[]) => void;

const mutations: readonly Mutation[] = [
  // Another value, of any type.
  (dice, place) => place.replace(treeOf(dice.pick(hostileValues))),
  (dice, place) => place.replace(treeOf(dice.pick(hostileValues))),
  // A key too many.
  (dice, { value }) => {
    if (!(value instanceof Members)) return;
    value.entries.push([dice.pick(hostileKeys), treeOf(dice.pick(hostileValues))]);
  },
  // A key under another name.
  (dice, { value }) => {
    const entry = value instanceof Members ? pickEntry(dice, value) : undefined;
    if (entry !== undefined) entry[0] = dice.pick(hostileKeys);
  },
  // A key twice.
  (dice, { value }) => {
    const entry = value instanceof Members ? pickEntry(dice, value) : undefined;
    if (entry === undefined || !(value instanceof Members)) return;
    value.entries.push([entry[0], treeOf(dice.pick([entry[1], ...hostileValues]))]);
  },
  // Something left out.
  (dice, { value }) => {
    if (value instanceof Members) value.entries.splice(dice.below(value.entries.length), 1);
    if (Array.isArray(value)) value.splice(dice.below(value.length), 1);
  },
  // An element too many, or far too many.
  (dice, { value }) => {
    if (!Array.isArray(value)) return;
    const more = value.length > 0 ? dice.pick(value) : 1;
    const times = Math.min(dice.pick([1, 1, 2, 20, 600, 11_000]), weightMax / weigh(more));
    for (let i = 0; i < times; i++) value.push(copyOf(more));
  },
  // Wrapped, or nested deep.
  (dice, place) => {
    let wrapped = place.value;
    const depth = dice.pick([1, 1, 2, 40, 80, 400]);
    const key = dice.pick(["And", "a", "vector"]);
    for (let i = 0; i < depth; i++) {
      wrapped = dice.chance(0.5) ? [wrapped] : new Members([[key, wrapped]]);
    }
    place.replace(wrapped);
  },
  // A part of it in another part's place.
  (dice, place, all) => {
    const other = dice.pick(all).value;
    // Never itself in itself: a tree must end.
    place.replace(weigh(other) <= partWeightMax ? copyOf(other) : null);
  },
  // A text that is nearly right.
  (dice, place) => {
    if (typeof place.value !== "string") return;
    const at = dice.below(place.value.length + 1);
    const insert = dice.pick(["", "=", "*", " ", "é", "\u0000", "$", "0", '"']);
    place.replace(place.value.slice(0, at) + insert + place.value.slice(at + 1));
  },
  // A number that is nearly right.
  (dice, place) => {
    if (typeof place.value !== "number") return;
    place.replace(dice.pick([-place.value, place.value + 0.5, place.value * 1e6, 10_001]));
  },
];

/** Changes one to three places. */
export function mutate(dice: Dice, root: { tree: Tree }): void {
  const times = dice.pick([1, 1, 1, 2, 3]);
  for (let i = 0; i < times; i++) {
    const all = placesOf(root);
    const mutation = dice.pick(mutations);
    mutation(dice, dice.pick(all), all);
  }
}

function pickEntry(dice: Dice, { entries }: Members): [string, Tree] | undefined {
  return entries.length === 0 ? undefined : dice.pick(entries);
}

/** A body of this weight has some hundred kilobytes: generating is not to be the slow part. */
const weightMax = 40_000;
/** What may be copied to another place. */
const partWeightMax = 64;

function weigh(tree: Tree): number {
  if (Array.isArray(tree)) return tree.reduce<number>((sum, part) => sum + weigh(part), 1);
  if (tree instanceof Members) {
    return tree.entries.reduce((sum, [key, value]) => sum + key.length / 8 + weigh(value), 1);
  }
  return 1 + (typeof tree === "string" ? tree.length / 8 : 0);
}

/** A copy, so that no part stands at two places. */
function copyOf(tree: Tree): Tree {
  if (Array.isArray(tree)) return tree.map(copyOf);
  if (tree instanceof Members) {
    return new Members(tree.entries.map(([key, value]) => [key, copyOf(value)]));
  }
  return tree;
}
