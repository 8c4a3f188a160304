/**
 * PATCH /v1/namespaces/:ns/metadata: what a namespace is set to. Answers the metadata.
 *
 *   pinning    true, {"replicas": n}: kept warm; false, null: no longer
 *   read_only  true: every other write is refused from the next moment on
 *   retention_seconds   how far back the past can be read from now on
 *
 * A field that is missing changes nothing.
 */
import type { SettingsChange } from "../../src/document/settings.ts";
import { isJsonObject } from "../../src/document/shape.ts";
import { invalid } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { changeSettings } from "../../src/write.ts";
import { getMetadata } from "./namespace-routes.ts";
import { type Given, readFields } from "./reference/field.ts";
import { settingsFields } from "./reference/other-fields.ts";
import type { Scope } from "./scope.ts";

export function patchMetadata(scope: Scope, name: string): Promise<Response> {
  return scope.withJson(limits.queryBodyBytesMax, async (json) => {
    await changeSettings(scope.target(name), parseSettings(json));
    return await getMetadata(1)(scope, name, "");
  });
}

export function parseSettings(body: unknown): SettingsChange {
  const given = readFields(body, settingsFields);
  const { pinning, read_only: readOnly, retention_seconds: retention } = given;
  const unpinned = isJsonObject(body) && body["pinning"] === null;
  return {
    ...(readOnly === undefined ? {} : { readOnly }),
    ...(retention === undefined ? {} : { retentionMs: parseRetention(retention) }),
    ...(unpinned ? { replicas: 0 } : {}),
    ...(pinning === undefined ? {} : { replicas: parsePinning(pinning) }),
  };
}

function parseRetention(seconds: number): number {
  const secondsMax = limits.retentionMsMax / 1_000;
  if (seconds > secondsMax) {
    const text = `💔 retention_seconds must be between 0 and ${secondsMax}`;
    throw invalid(text, "retention_seconds");
  }
  return seconds * 1_000;
}

type Pinning = NonNullable<Given<typeof settingsFields>["pinning"]>;

/** Replicas. */
function parsePinning(pinning: Pinning): number {
  if (typeof pinning === "boolean") {
    return pinning ? 1 : 0;
  }
  const { replicas = 1 } = pinning;
  if (replicas < 1 || replicas > limits.replicasMax) {
    throw invalid(`💔 replicas must be between 1 and ${limits.replicasMax}`, "pinning.replicas");
  }
  return replicas;
}
