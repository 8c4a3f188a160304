/** R2 as miniflare has it, and what becomes of the errors it cannot be made to give. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { EngineError } from "../../../src/errors.ts";
import { sha256 } from "../../../workers/platform/digest.ts";
import { R2Store } from "../../../workers/platform/r2-store.ts";
import { testObjectStore } from "../../conformance/object-store.ts";
import { bucketCases } from "../../conformance/store/bucket-cases.ts";

const { BUCKET } = env as { BUCKET: R2Bucket };

const open = () => ({
  store: new R2Store(BUCKET),
  digest: sha256,
  nowMs: () => Date.now(),
  sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
});

testObjectStore("R2 store", open);

const atBinding = bucketCases({
  binding: BUCKET,
  md5: async (bytes) => new Uint8Array(await crypto.subtle.digest("MD5", bytes)),
  brokenBody: (bytes) => {
    const { readable, writable } = new FixedLengthStream(bytes);
    const writer = writable.getWriter();
    const send = async (): Promise<void> => {
      await writer.write(new Uint8Array(bytes / 2));
      await writer.abort(new Error("the sender vanished"));
    };
    send().catch(() => undefined);
    return readable;
  },
});

testObjectStore("R2 store", open, atBinding);

/** A bucket of which every request fails with this error. */
function failing(message: string): R2Store {
  const fail = () => Promise.reject(new Error(message));
  return new R2Store({
    ...BUCKET,
    get: fail,
    head: fail,
    put: fail,
    list: fail,
    delete: fail,
  } as unknown as R2Bucket);
}

async function errorOf(promise: Promise<unknown>): Promise<EngineError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  throw new Error("it succeeded");
}

describe("R2 store: errors", () => {
  const cases = [
    ["get: We encountered an internal error. Please try again. (10001)", "unavailable"],
    ["get: Service unavailable (10043)", "unavailable"],
    ["get: The client disconnected (10054)", "unavailable"],
    ["get: Reduce your rate of simultaneous reads on the same object. (10058)", "overloaded"],
    ["get: The requested range is not satisfiable (10039)", "corrupt"],
    ["Network connection lost.", "unavailable"],
    ["get: Unspecified error (0)", "unavailable"],
    ["get: something new (19999)", "unavailable"],
  ] as const;

  for (const [message, kind] of cases) {
    it(`"${message}" is ${kind}`, async () => {
      const store = failing(message);
      for (const request of [
        store.get("a"),
        store.head("a"),
        store.list("a"),
        store.delete(["a"]),
      ]) {
        const error = await errorOf(request);
        expect(error.kind).toBe(kind);
        expect(error.detail.outcomeUnknown).toBeUndefined();
        expect(error.message).toContain(message);
      }
    });
  }

  it("of a put leave its outcome unknown, unless the digest was wrong", async () => {
    const put = (message: string) =>
      errorOf(failing(message).put("a", new Uint8Array(1), { kind: "create" }));
    for (const message of ["Network connection lost.", "put: too many (10058)"]) {
      expect((await put(message)).detail.outcomeUnknown).toBe(true);
    }
    const refused = await put("put: The SHA-256 checksum did not match (10037)");
    expect(refused.kind).toBe("corrupt");
    expect(refused.detail.outcomeUnknown).toBeUndefined();
  });

  it("say when to try again after too many requests", async () => {
    const error = await errorOf(failing("put: too many (10058)").head("a"));
    expect(error.detail.retryAfterMs).toBe(1_000);
  });
});
