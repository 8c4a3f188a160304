/**
 * Writes as tests send them: through JSON text unless the body is too large for that to be quick.
 */
import { expect } from "vitest";
import { encodeBase64 } from "../../../src/bytes/base64.ts";
import { bytesOf } from "../../../src/bytes/typed-view.ts";
import type { AskedWrite } from "../../../src/change-attempt.ts";
import { type AttributeSchema, emptySchema, type Schema } from "../../../src/document/schema.ts";
import { EngineError } from "../../../src/errors.ts";
import { encodeJson, type JsonEncodable, parseJson } from "../../../workers/api/json.ts";
import { buildWrite } from "../../../workers/api/write-batch.ts";
import { parseWriteRequest } from "../../../workers/api/write-request.ts";

export const cosine = { distance_metric: "cosine_distance" } as const;

export function stored(
  attributes: Record<string, AttributeSchema>,
  more: Partial<Schema> = {},
): Schema {
  return {
    version: 1,
    idKind: "uint",
    metric: undefined,
    attributes: new Map(Object.entries(attributes)),
    ...more,
  };
}

export const plain = stored({ title: { type: "string", filterable: true } });
export const withVector = stored(
  { vector: { type: "[2]f32", filterable: false, ann: true } },
  { metric: "cosine_distance" },
);

/** A string is sent as it is. */
export function build(body: JsonEncodable, schema: Schema = emptySchema): AskedWrite {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : encodeJson(body);
  return buildParsed(parseJson(bytes), schema);
}

export function buildParsed(body: unknown, schema: Schema = emptySchema): AskedWrite {
  return buildWrite(parseWriteRequest(body), schema);
}

export function refusal(body: JsonEncodable, schema?: Schema): EngineError {
  return refused(() => build(body, schema));
}

export function refused(action: () => unknown): EngineError {
  try {
    action();
  } catch (error) {
    if (error instanceof EngineError) {
      return error;
    }
    throw error;
  }
  return expect.unreachable("was not refused");
}

export function base64Of(...components: number[]): string {
  return encodeBase64(bytesOf(new Float32Array(components)));
}
