/**
 * The attributes of a random world: one of every type that filters know, with few different values,
 * so that filters match some documents and ties are common. Values are in canonical form, as the
 * oracle compares them; `jsonValue` is how a request writes them.
 */
import type { DocumentId, IdKind } from "../../../src/document/id.ts";
import type { ScalarType } from "../../../src/document/schema.ts";
import type { AttributeValue, ScalarValue } from "../../../src/document/value.ts";
import type { SimRandom } from "../../sim/random.ts";

export interface Attribute {
  readonly name: string;
  readonly scalar: ScalarType;
  readonly isArray: boolean;
}

const scalarNames: readonly (readonly [string, ScalarType])[] = [
  ["s", "string"],
  ["text", "string"],
  ["i", "int"],
  ["u", "uint"],
  ["f", "float"],
  ["b", "bool"],
  ["k", "uuid"],
  ["t", "datetime"],
];

export const attributes: readonly Attribute[] = [
  ...scalarNames.map(([name, scalar]) => ({ name, scalar, isArray: false })),
  ...scalarNames.map(([name, scalar]) => ({ name: `${name}s`, scalar, isArray: true })),
];

export function attributeType({ scalar, isArray }: Attribute): string {
  return isArray ? `[]${scalar}` : scalar;
}

const uuid = (digit: string): string => `${digit.repeat(8)}-0000-4000-8000-00000000000${digit}`;
const words = ["fish", "Fish", "fin", "swim", "deep", "blue", "sea", "süß", "日本", "a-b"];

const pools: Readonly<Record<ScalarType, readonly ScalarValue[]>> = {
  string: ["", "a", "A", "ab", "b", "ba", "*", "[x]", "a\nb", "é", "\uffee", "😀", "zz"],
  int: [-(2n ** 63n), -5, -1, 0, 1, 2, 7, 2 ** 53 - 1, 2n ** 53n, 2n ** 62n],
  uint: [0, 1, 2, 3, 9, 2 ** 53 - 1, 2n ** 53n + 1n, 2n ** 64n - 1n],
  float: [-1e300, -0.5, 0, 5e-324, 0.1, 0.5, 1, 1.5, 1e21],
  bool: [false, true],
  uuid: ["0", "1", "7", "a", "f"].map(uuid),
  datetime: [-1, 0, 1, 86_399_999, 86_400_000, 1_709_337_600_000, 253_402_300_799_999],
};

/** A value of the attribute that is present. */
export function randomScalar(random: SimRandom, { name, scalar }: Attribute): ScalarValue {
  return name.startsWith("text") ? randomText(random) : random.pick(pools[scalar]);
}

function randomText(random: SimRandom): string {
  return Array.from({ length: 1 + random.below(4) }, () => random.pick(words)).join(" ");
}

/** A document's value; null: it has none. */
export function randomValue(random: SimRandom, attribute: Attribute): AttributeValue {
  if (random.chance(0.25)) return null;
  if (!attribute.isArray) return randomScalar(random, attribute);
  return Array.from({ length: random.below(4) }, () => randomScalar(random, attribute));
}

/** As requests write it. */
export function jsonValue(scalar: ScalarType, value: AttributeValue): unknown {
  if (scalar !== "datetime" || value === null) return value;
  return Array.isArray(value)
    ? value.map((each: ScalarValue) => new Date(Number(each)).toISOString())
    : new Date(Number(value as ScalarValue)).toISOString();
}

/** Few ids, so that documents are replaced and deleted. */
export function randomId(random: SimRandom, kind: IdKind, count: number): DocumentId {
  const number = random.below(count);
  switch (kind) {
    case "uint":
      return number % 7 === 0 ? 2n ** 60n + BigInt(number) : number;
    case "string":
      return `${["doc", "Doc", "é", "😀"][number % 4]}-${number}`;
    case "uuid":
      return `${number.toString(16).padStart(8, "0")}-0000-4000-8000-000000000000`;
  }
}

/** Components are few whole numbers: equal distances are common, and all are exact. */
export function randomVector(random: SimRandom, dims: number): readonly number[] {
  return Array.from({ length: dims }, () => random.below(7) - 3);
}
