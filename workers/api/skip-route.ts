/**
 * POST /v1/namespaces/:ns/_debug/skip_entry {"sequence": n, "reason": "…"}: an operator's decision
 * to go on without a log entry that cannot be read. What was acknowledged with it is lost then, so
 * the entry has to be named exactly, and why is kept for ever.
 */
import { isJsonObject, wrongShape } from "../../src/document/shape.ts";
import { utf8Length } from "../../src/document/size.ts";
import { invalid } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { replyValue } from "../../src/namespace/protocol.ts";
import { renderSkip } from "./health.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";

const fields = new Set(["sequence", "reason"]);

export function skipEntry(scope: Scope, name: string): Promise<Response> {
  return scope.withJson(limits.queryBodyBytesMax, async (body) => {
    if (!isJsonObject(body)) {
      throw wrongShape("", body, "a map");
    }
    const unknown = Object.keys(body).find((field) => !fields.has(field));
    if (unknown !== undefined) {
      throw invalid(`💔 unknown field \`${unknown}\``, unknown);
    }
    const { sequence, reason } = body;
    if (typeof sequence !== "number" || !Number.isSafeInteger(sequence) || sequence < 0) {
      throw invalid("💔 sequence must be the number of the entry to go on without", "sequence");
    }
    const isText = typeof reason === "string" && reason.trim() !== "" && reason.isWellFormed();
    if (!isText || utf8Length(reason) > limits.skipReasonBytesMax) {
      const max = limits.skipReasonBytesMax;
      throw invalid(`💔 reason must say why, in 1 to ${max} bytes of text`, "reason");
    }
    const owner = scope.owner(name);
    const skip = replyValue(await owner.skipEntry(scope.tenant, name, sequence, reason));
    return respondJson(scope.request, { status: "OK", skipped: renderSkip(skip) });
  });
}
