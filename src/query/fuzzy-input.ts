/**
 * Options of the filter Fuzzy -> how many edits it forgives.
 *
 *   {"max_edit_distance": [{"min_query_chars": 6, "distance": 1}, …], "case_sensitive": true}
 *
 * The largest distance counts whose `min_query_chars` the query has; a query that has none of them
 * matches nothing. `min_query_chars` is at least 3 (distance + 1): with fewer characters to each
 * edit nearly everything would match.
 */
import type { FuzzyOptions } from "../document/fuzzy.ts";
import { isJsonObject, malformedAt, wrongShape } from "../document/shape.ts";
import { invalid } from "../errors.ts";

/** `path`: that of the filter. */
export function parseFuzzy(
  attribute: string,
  query: string,
  json: unknown,
  path: string,
): FuzzyOptions {
  const place = `${path}[3]`;
  if (!isJsonObject(json)) {
    throw json === undefined
      ? malformedAt(path, "Fuzzy takes a map with `max_edit_distance` behind the text")
      : wrongShape(place, json, "a map");
  }
  const { max_edit_distance: thresholds, case_sensitive: sensitive = true } = json;
  if (!Array.isArray(thresholds)) {
    throw thresholds === undefined
      ? malformedAt(place, "missing field `max_edit_distance`")
      : wrongShape(`${place}.max_edit_distance`, thresholds, "a sequence");
  }
  if (typeof sensitive !== "boolean") {
    throw wrongShape(`${place}.case_sensitive`, sensitive, "a boolean");
  }
  if (thresholds.length === 0) {
    const text = `filter error in key \`${attribute}\`: \`max_edit_distance\` cannot be empty`;
    throw invalid(text, "filters");
  }
  const chars = Array.from(query).length;
  let allowed = -1;
  for (const [i, each] of thresholds.entries()) {
    const where = `${place}.max_edit_distance[${i}]`;
    if (!isJsonObject(each)) throw wrongShape(where, each, "a map");
    const least = wholeNumber(each["min_query_chars"], `${where}.min_query_chars`);
    const distance = wholeNumber(each["distance"], `${where}.distance`);
    if (least < 3 * (distance + 1)) {
      const text =
        `filter error in key \`${attribute}\`: with a distance of ${distance}, ` +
        `\`min_query_chars\` is at least ${3 * (distance + 1)}, but got ${least}`;
      throw invalid(text, "filters");
    }
    if (chars >= least) allowed = Math.max(allowed, distance);
  }
  return { distance: allowed, isCaseSensitive: sensitive };
}

function wholeNumber(json: unknown, path: string): number {
  if (json === undefined) throw malformedAt(path, "missing field");
  if (typeof json !== "number" || !Number.isSafeInteger(json) || json < 0) {
    throw wrongShape(path, json, "a whole number");
  }
  return json;
}
