import { describe, expect, it } from "vitest";
import { emptySchema } from "../../../src/document/schema.ts";
import { parseJson } from "../../../workers/api/json.ts";
import { buildWrite } from "../../../workers/api/write-batch.ts";
import { parseWriteRequest } from "../../../workers/api/write-request.ts";
import {
  plainOutcome,
  type WriteResponse,
  writeResponse,
} from "../../../workers/api/write-response.ts";

function respond(text: string): WriteResponse {
  const request = parseWriteRequest(parseJson(new TextEncoder().encode(text)));
  const { batch } = buildWrite(request, { ...emptySchema, version: 1 });
  return writeResponse(request, plainOutcome(batch), 12);
}

describe("the answer to a write", () => {
  it("counts what was asked for and has exactly these fields", () => {
    expect(respond('{"upsert_rows":[{"id":1,"a":"xy"},{"id":2}],"deletes":[3]}')).toEqual({
      status: "OK",
      message: "documents committed successfully",
      rows_affected: 3,
      rows_upserted: 2,
      rows_deleted: 1,
      billing: { billable_logical_bytes_written: 26 },
      performance: { server_total_ms: 12 },
    });
  });

  it("mentions only the kinds of operation that were in the request, then also when 0", () => {
    expect(respond('{"deletes":[1]}')).not.toHaveProperty("rows_upserted");
    expect(respond('{"upsert_columns":{"id":[1]}}')).not.toHaveProperty("rows_deleted");
    expect(respond('{"upsert_rows":[],"deletes":[]}')).toMatchObject({
      rows_affected: 0,
      rows_upserted: 0,
      rows_deleted: 0,
    });
  });

  it("lists ids only when asked to, and only of kinds with at least one row", () => {
    const asked = respond(
      '{"upsert_rows":[{"id":18446744073709551615},{"id":1}],"deletes":[],' +
        '"return_affected_ids":true}',
    );
    expect(asked.upserted_ids).toEqual([2n ** 64n - 1n, 1]);
    expect(asked).not.toHaveProperty("deleted_ids");
    expect(respond('{"deletes":[2],"return_affected_ids":true}').deleted_ids).toEqual([2]);
    expect(respond('{"deletes":[2]}')).not.toHaveProperty("deleted_ids");
  });
});
