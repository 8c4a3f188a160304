/** Every kind of error as an answer. */
import { describe, expect, it } from "vitest";
import { EngineError, type ErrorDetail, type ErrorKind } from "../../../src/errors.ts";
import { respondError } from "../../../workers/api/errors.ts";

const request = new Request("https://shoal.test/v2/namespaces/fish", { method: "POST" });

interface Line {
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>> | undefined;
}

async function answer(error: unknown) {
  const lines: Line[] = [];
  const note = (event: string, fields?: Readonly<Record<string, unknown>>): void => {
    lines.push({ event, fields });
  };
  const response = respondError(request, error, { info: note, warn: note, error: note });
  const body = await response.json<Record<string, unknown>>();
  return { status: response.status, headers: response.headers, body, lines };
}

function failure(kind: ErrorKind, detail: ErrorDetail = {}): EngineError {
  return new EngineError(kind, "what went wrong", detail);
}

describe("an error", () => {
  it.each([
    ["invalid", 400],
    ["malformed", 422],
    ["tooLarge", 413],
    ["notFound", 404],
    ["conflict", 409],
    ["overloaded", 429],
  ] as const)("%s answers %i with its text", async (kind, status) => {
    const { status: got, body, headers } = await answer(failure(kind));
    expect(got).toBe(status);
    expect(body).toEqual({ status: "error", error: "what went wrong" });
    expect(headers.get("content-type")).toBe("application/json");
  });

  it("about an attribute names it in a field of its own", async () => {
    const { body } = await answer(failure("invalid", { attribute: "title", field: "title" }));
    expect(body).toEqual({ status: "error", error: "what went wrong", attribute: "title" });
  });

  it.each([
    ["fenced", 503],
    ["unavailable", 503],
    ["corrupt", 500],
  ] as const)("%s answers %i, says nothing of the inside and logs it", async (kind, status) => {
    const { status: got, body, lines } = await answer(failure(kind));
    expect(got).toBe(status);
    expect(String(body["error"])).not.toContain("what went wrong");
    const id = String(lines[0]?.fields?.["id"]);
    expect(String(body["error"])).toContain(id);
    expect(lines[0]?.fields?.["error"]).toMatchObject({ message: "what went wrong" });
  });

  it("of our own answers 500 and tells nothing but where the log has more", async () => {
    const { status, body, lines } = await answer(new TypeError("x is undefined at secret.ts"));
    expect(status).toBe(500);
    expect(body).toEqual({
      status: "error",
      error: `internal error; the log has more under ${String(lines[0]?.fields?.["id"])}`,
    });
  });

  it("never has a field `message`: clients would show it instead of the rest", async () => {
    for (const error of [failure("invalid"), failure("corrupt"), new Error("bug")]) {
      expect(Object.keys((await answer(error)).body)).not.toContain("message");
    }
  });

  it("says when to come back, and that repeating a conflict is useless", async () => {
    const busy = await answer(failure("overloaded", { retryAfterMs: 1_500 }));
    expect(busy.headers.get("retry-after")).toBe("2");
    expect(busy.headers.get("retry-after-ms")).toBe("1500");
    const away = await answer(failure("unavailable"));
    expect(away.headers.get("retry-after")).toBe("1");
    expect(away.headers.get("x-should-retry")).toBe("true");
    expect((await answer(failure("conflict"))).headers.get("x-should-retry")).toBe("false");
  });

  it("marks a write that may have been applied", async () => {
    const { body } = await answer(failure("unavailable", { outcomeUnknown: true }));
    expect(body).toMatchObject({ outcome_unknown: true });
    expect(String(body["error"])).toMatch(/may or may not/);
  });
});
