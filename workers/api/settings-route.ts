/**
 * PATCH /v1/namespaces/:ns/metadata: what a namespace is set to. Answers the metadata.
 *
 *   pinning    true, {"replicas": n}: kept warm; false, null: no longer
 *   read_only  true: every other write is refused from the next moment on
 *
 * A field that is missing changes nothing.
 */
import type { SettingsChange } from "../../src/document/settings.ts";
import { isJsonObject, wrongShape } from "../../src/document/shape.ts";
import { invalid } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { changeSettings } from "../../src/write.ts";
import { getMetadata } from "./namespace-routes.ts";
import type { Scope } from "./scope.ts";

export function patchMetadata(scope: Scope, name: string): Promise<Response> {
  return scope.withJson(limits.queryBodyBytesMax, async (json) => {
    await changeSettings(scope.target(name), parseSettings(json));
    return await getMetadata(1)(scope, name, "");
  });
}

export function parseSettings(body: unknown): SettingsChange {
  if (!isJsonObject(body)) {
    throw wrongShape("", body, "a map");
  }
  const { pinning, read_only: readOnly, ...others } = body;
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw invalid(`💔 unknown field \`${other}\` in metadata`, other);
  }
  if (readOnly !== undefined && readOnly !== null && typeof readOnly !== "boolean") {
    throw wrongShape("read_only", readOnly, "a boolean");
  }
  return {
    ...(typeof readOnly === "boolean" ? { readOnly } : {}),
    ...(pinning === undefined ? {} : { replicas: parsePinning(pinning) }),
  };
}

/** Replicas. */
function parsePinning(value: unknown): number {
  if (value === null || typeof value === "boolean") {
    return value === true ? 1 : 0;
  }
  if (!isJsonObject(value)) {
    throw wrongShape("pinning", value, "a boolean or a map");
  }
  const replicas = value["replicas"] ?? 1;
  if (!Number.isInteger(replicas)) {
    throw wrongShape("pinning.replicas", replicas, "usize");
  }
  const count = Number(replicas);
  if (count < 1 || count > limits.replicasMax) {
    throw invalid(`💔 replicas must be between 1 and ${limits.replicasMax}`, "pinning.replicas");
  }
  return count;
}
