/** Options of vectors in a schema that users write: `ann`, `sparse_knn`, and the metric. */
import { invalid } from "../errors.ts";
import {
  type AttributeType,
  type DistanceMetric,
  parseVectorArrayType,
  parseVectorType,
} from "./schema.ts";
import { isJsonObject, type JsonObject, malformedAt, wrongShape } from "./shape.ts";
import { attributeError } from "./value.ts";

export function parseAnn(
  entry: JsonObject,
  name: string,
  type: AttributeType,
  place: string,
): { ann: boolean | undefined; metric: DistanceMetric | undefined } {
  const value = Object.hasOwn(entry, "ann") ? entry["ann"] : null;
  const options = isJsonObject(value) ? value : {};
  const late = optionalBoolean(options, "late_interaction", `${place}.ann`);
  const sent = Object.hasOwn(options, "distance_metric") ? options["distance_metric"] : null;
  const metric = sent === null ? undefined : parseMetric(sent, `${place}.ann.distance_metric`);
  const ann = isJsonObject(value) ? true : optionalBoolean(entry, "ann", place);
  if (parseVectorArrayType(type) !== undefined && ann === true) {
    throw attributeError(
      name,
      late === true
        ? "`ann` with `late_interaction` is not supported by this server"
        : "`ann` on a vector array requires `late_interaction` to be `true`",
    );
  }
  if (late === true) {
    throw attributeError(name, "`late_interaction` is only valid on vector arrays");
  }
  if (ann === true && parseVectorType(type) === undefined) {
    throw attributeError(name, `\`ann\` requires a dense vector type, but the type is ${type}`);
  }
  return { ann, metric };
}

/** Whether `sparse_knn` is given, which has one metric. */
export function parseSparse(
  entry: JsonObject,
  name: string,
  type: AttributeType,
  place: string,
): boolean {
  const value = Object.hasOwn(entry, "sparse_knn") ? entry["sparse_knn"] : null;
  if (value === null || value === false) {
    return false;
  }
  const path = `${place}.sparse_knn`;
  if (!isJsonObject(value)) {
    throw wrongShape(path, value, "a map");
  }
  if (!Object.hasOwn(value, "distance_metric")) {
    throw malformedAt(path, "missing field `distance_metric`");
  }
  const metric = value["distance_metric"];
  if (typeof metric !== "string") {
    throw wrongShape(`${path}.distance_metric`, metric, "a string");
  }
  if (metric !== "dot_product") {
    const text = `unknown variant \`${metric}\`, expected \`dot_product\``;
    throw malformedAt(`${path}.distance_metric`, text);
  }
  if (type !== "{}f16") {
    throw attributeError(name, `\`sparse_knn\` requires the type {}f16, but the type is ${type}`);
  }
  return true;
}

/** A metric's name; the API knows more of them than it documents. */
export function parseMetric(value: unknown, path: string): DistanceMetric {
  if (typeof value !== "string") {
    throw wrongShape(path, value, "a string");
  }
  switch (value) {
    case "cosine_distance":
    case "euclidean_squared":
      return value;
    case "euclidean":
    case "Unknown":
    case "Query":
      throw invalid(`💔 ${path} \`${value}\` is not supported by this server`, path);
    default:
      throw malformedAt(
        path,
        `unknown variant \`${value}\`, expected one of \`Unknown\`, \`euclidean_squared\`, ` +
          "`cosine_distance`, `euclidean`, `Query`",
      );
  }
}

export function optionalBoolean(
  entry: JsonObject,
  option: string,
  place: string,
): boolean | undefined {
  const value = Object.hasOwn(entry, option) ? entry[option] : null;
  if (value !== null && typeof value !== "boolean") {
    throw wrongShape(`${place}.${option}`, value, "a boolean");
  }
  return value ?? undefined;
}
