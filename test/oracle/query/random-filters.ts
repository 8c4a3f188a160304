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
const elementOps = ["Contains", "NotContains", "AnyLt", "AnyLte", "AnyGt", "AnyGte"];
const listOps = ["In", "NotIn", "ContainsAny", "NotContainsAny"];
const arrayOps = ["Eq", "NotEq", ...listOps, ...elementOps];
const globOps = ["Glob", "NotGlob", "IGlob", "NotIGlob"];

function idFilter({ random, idKind, ids }: FilterSource): OracleFilter {
  if (idKind === "string" && random.chance(0.3)) {
    return ["id", random.pick(globOps), random.pick(idGlobs)];
  }
  const op = random.pick(scalarOps);
  const draw = () => randomId(random, idKind, ids);
  return ["id", op, isList(op) ? list(random, 12, draw) : draw()];
}

function attributeFilter(random: SimRandom, attribute: Attribute): OracleFilter {
  const { name, scalar, isArray } = attribute;
  if (scalar === "string" && random.chance(0.4)) return patternFilter(random, attribute);
  const op = random.pick(isArray ? arrayOps : scalarOps);
  const draw = () => randomScalar(random, attribute);
  if (isList(op)) return [name, op, list(random, 4, draw)];
  if (elementOps.includes(op)) return [name, op, draw()];
  if (random.chance(0.15)) return [name, op, null];
  return [name, op, isArray ? list(random, 3, draw) : draw()];
}

const idGlobs = ["doc-*", "*-1?", "[Dd]oc-{1,2}*", "é-*", "*", "doc-7"];
const globs = ["*", "?", "a*", "*b", "[!a]*", "{a,b}*", "\\*", "[a-z]?", "a\nb", "[[]x]", "é"];
const textGlobs = ["fish*", "*sea", "*[Ff]i[ns]*", "f{ish,in}*", "??? *", "*süß*", "日本", "*a-b"];
const regexes = ["^fi", "sea$", "[Ff]ish", "(fish|fin) swim", "^.{4}$", "\\bin\\b|ü", "e+p?", ""];
const queries = ["fish", "fisch", "swim fish", "blue sea", "dep blue", "FISH SEA", "日本", "x"];

/** Only the texts of a world are searched by expressions and fuzzily. */
function patternFilter(random: SimRandom, { name }: Attribute): OracleFilter {
  const isText = name.startsWith("text");
  if (!isText || random.chance(0.4)) {
    return [name, random.pick(globOps), random.pick(isText ? textGlobs : globs)];
  }
  if (random.chance(0.5)) return [name, "Regex", random.pick(regexes)];
  const options = {
    max_edit_distance: [
      { min_query_chars: 3, distance: 0 },
      ...(random.chance(0.7) ? [{ min_query_chars: 6, distance: 1 }] : []),
      ...(random.chance(0.3) ? [{ min_query_chars: 9, distance: 2 }] : []),
    ],
    ...(random.chance(0.5) ? { case_sensitive: random.chance(0.5) } : {}),
  };
  return [name, "Fuzzy", random.pick(queries), options];
}

function isList(op: string): boolean {
  return listOps.includes(op);
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
  const [name, op, value, ...options] = filter as readonly [string, string, AttributeValue];
  const scalar = attributes.find((attribute) => attribute.name === name)?.scalar;
  return [name, op, scalar === undefined ? value : jsonValue(scalar, value), ...options];
}
