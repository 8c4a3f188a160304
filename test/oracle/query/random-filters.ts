/** Random filters over the attributes of a world, in the form of the API, values canonical. */
import type { IdKind } from "../../../src/document/id.ts";
import type { AttributeValue, ScalarValue } from "../../../src/document/value.ts";
import type { SimRandom } from "../../sim/random.ts";
import type { OracleFilter } from "../brute-force.ts";
import { type Attribute, attributes, jsonValue, randomId, randomScalar } from "./values.ts";

export interface FilterSource {
  readonly random: SimRandom;
  readonly idKind: IdKind;
  /** Ids are drawn from so many. */
  readonly ids: number;
}

export function randomFilter(source: FilterSource, depth = 3): OracleFilter {
  const { random } = source;
  if (depth > 0 && random.chance(0.5)) {
    if (random.chance(0.25)) return ["Not", randomFilter(source, depth - 1)];
    const members = Array.from({ length: random.below(4) }, () => randomFilter(source, depth - 1));
    return [random.pick(["And", "Or"]), members];
  }
  return random.chance(0.15) ? idFilter(source) : attributeFilter(random, random.pick(attributes));
}

const scalarOps = ["Eq", "NotEq", "Lt", "Lte", "Gt", "Gte", "In", "NotIn"];
const arrayOps = ["Eq", "NotEq", "In", "NotIn"];

function idFilter({ random, idKind, ids }: FilterSource): OracleFilter {
  const op = random.pick(scalarOps);
  const draw = () => randomId(random, idKind, ids);
  return ["id", op, isList(op) ? list(random, 12, draw) : draw()];
}

function attributeFilter(random: SimRandom, attribute: Attribute): OracleFilter {
  const { name, isArray } = attribute;
  const op = random.pick(isArray ? arrayOps : scalarOps);
  const draw = () => randomScalar(random, attribute);
  if (isList(op)) return [name, op, list(random, 4, draw)];
  if (random.chance(0.15)) return [name, op, null];
  return [name, op, isArray ? list(random, 3, draw) : draw()];
}

function isList(op: string): boolean {
  return op === "In" || op === "NotIn";
}

function list<T extends ScalarValue>(random: SimRandom, max: number, draw: () => T): T[] {
  return Array.from({ length: random.below(max + 1) }, draw);
}

/** As a request writes it. */
export function jsonFilter(filter: OracleFilter): unknown {
  if (filter.length === 2) {
    const [op, inner] = filter;
    return op === "Not"
      ? [op, jsonFilter(inner as OracleFilter)]
      : [op, (inner as readonly OracleFilter[]).map(jsonFilter)];
  }
  const [name, op, value] = filter as readonly [string, string, AttributeValue];
  const scalar = attributes.find((attribute) => attribute.name === name)?.scalar;
  return [name, op, scalar === undefined ? value : jsonValue(scalar, value)];
}
