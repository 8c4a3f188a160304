/**
 * POST /v1/namespaces/:ns/_debug/skip_entry {"sequence": n, "reason": "…"}: an operator's decision
 * to go on without a log entry that cannot be read. What was acknowledged with it is lost then, so
 * the entry has to be named exactly, and why is kept for ever.
 */
import { utf8Length } from "../../src/document/size.ts";
import { invalid } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { replyValue } from "../../src/namespace/protocol.ts";
import { renderSkip } from "./health.ts";
import { readFields } from "./reference/field.ts";
import { skipFields } from "./reference/other-fields.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";

export function skipEntry(scope: Scope, name: string): Promise<Response> {
  return scope.withJson(limits.queryBodyBytesMax, async (body) => {
    const { sequence, reason } = readFields(body, skipFields);
    if (!Number.isSafeInteger(sequence)) {
      throw invalid("💔 sequence must be the number of the entry to go on without", "sequence");
    }
    const isText = reason.trim() !== "" && reason.isWellFormed();
    if (!isText || utf8Length(reason) > limits.skipReasonBytesMax) {
      const max = limits.skipReasonBytesMax;
      throw invalid(`💔 reason must say why, in 1 to ${max} bytes of text`, "reason");
    }
    const owner = scope.owner(name);
    const skip = replyValue(await owner.skipEntry(scope.tenant, name, sequence, reason));
    return respondJson(scope.request, { status: "OK", skipped: renderSkip(skip) });
  });
}
