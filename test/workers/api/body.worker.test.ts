/** Bodies of requests: bounds are kept while reading, not after. */
import { describe, expect, it } from "vitest";
import { isEngineError } from "../../../src/errors.ts";
import { MemoryBudget } from "../../../src/store/memory-budget.ts";
import { readBody, UnsupportedEncoding } from "../../../workers/api/body.ts";
import { systemClock } from "../../../workers/platform/clock.ts";

const bytesMax = 1_000_000;

function budgetOf(bytes = 4 * bytesMax): MemoryBudget {
  return new MemoryBudget(systemClock, { bytesMax: bytes });
}

function post(body: BodyInit, headers: Record<string, string> = {}): Request {
  return new Request("https://shoal.test/", { method: "POST", body, headers });
}

function gzipped(bytes: Uint8Array): ReadableStream<Uint8Array> {
  const stream = new Response(bytes).body as ReadableStream<Uint8Array>;
  return stream.pipeThrough(new CompressionStream("gzip"));
}

/** A sender that counts what was taken from it, and would go on for ever. */
function endless(chunkBytes: number) {
  const sent = { bytes: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        sent.bytes += chunkBytes;
        controller.enqueue(new Uint8Array(chunkBytes));
      },
      cancel() {
        sent.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, sent };
}

async function refusal(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("a body", () => {
  it("arrives as it was sent, in one chunk or many, and empty", async () => {
    const large = crypto.getRandomValues(new Uint8Array(60_000));
    for (const bytes of [new Uint8Array(), large]) {
      expect((await readBody(budgetOf(), post(bytes), bytesMax)).take()).toEqual(bytes);
    }
    const none = new Request("https://shoal.test/", { method: "POST" });
    expect((await readBody(budgetOf(), none, bytesMax)).take()).toHaveLength(0);
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const send = (async () => {
      await writer.write(large.slice(0, 10));
      await writer.write(large.slice(10));
      await writer.close();
    })();
    expect((await readBody(budgetOf(), post(readable), bytesMax)).take()).toEqual(large);
    await send;
  });

  it("of a declared length arrives whole, however it comes", async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    const large = Uint8Array.from({ length: 300_000 }, (_, i) => bytes[i % 60_000] as number);
    const length = { "content-length": String(large.length) };
    expect((await readBody(budgetOf(), post(large, length), bytesMax)).take()).toEqual(large);
    for (const end of [large.length, 200_000]) {
      const { readable, writable } = new IdentityTransformStream();
      const writer = writable.getWriter();
      const send = (async () => {
        for (let at = 0; at < end; at += 7_000) {
          await writer.write(large.slice(at, Math.min(end, at + 7_000)));
        }
        await writer.close();
      })();
      const body = await readBody(budgetOf(), post(readable, length), bytesMax);
      expect(body.take()).toEqual(large.subarray(0, end));
      await send;
    }
    const short = post(large, { "content-length": "200000" });
    const error = await refusal(readBody(budgetOf(), short, bytesMax));
    expect(isEngineError(error, "invalid")).toBe(true);
  });

  it("is decompressed, and counted decompressed", async () => {
    const zeros = new Uint8Array(bytesMax);
    const encoding = { "content-encoding": "gzip" };
    const body = await readBody(budgetOf(), post(gzipped(zeros), encoding), bytesMax);
    expect(body.take()).toHaveLength(bytesMax);
    const bomb = post(gzipped(new Uint8Array(bytesMax + 1)), encoding);
    const error = await refusal(readBody(budgetOf(), bomb, bytesMax));
    expect(isEngineError(error, "tooLarge")).toBe(true);
  });

  it.each([
    ["is refused unread when it says that it is far too long", 3 * bytesMax, 0],
    ["is read to its end, and kept none of, when it says that it is too long", bytesMax + 1, 1_000],
  ])("%s", async (_, declared, beyond) => {
    const { stream, sent } = endless(1_000);
    const budget = budgetOf();
    const request = post(stream, { "content-length": String(declared) });
    const error = await refusal(readBody(budget, request, bytesMax));
    expect(isEngineError(error, "tooLarge")).toBe(true);
    expect(sent.bytes).toBe(beyond === 0 ? 0 : bytesMax + beyond);
    expect(budget.counts().reservedBytesPeak).toBe(0);
  });

  it("is read no further than the bound when it does not say how long it is", async () => {
    const { stream, sent } = endless(10_000);
    const error = await refusal(readBody(budgetOf(), post(stream), bytesMax));
    expect(isEngineError(error, "tooLarge")).toBe(true);
    expect(sent.bytes).toBeLessThanOrEqual(bytesMax + 20_000);
    await Promise.resolve();
    expect(sent.cancelled).toBe(true);
  });

  it("that is not the gzip it says it is, is invalid", async () => {
    const headers = { "content-encoding": "gzip" };
    const half = new Uint8Array(
      await new Response(gzipped(crypto.getRandomValues(new Uint8Array(1_000)))).arrayBuffer(),
    ).slice(0, 500);
    for (const body of ['{"rows":[]}', half]) {
      const error = await refusal(readBody(budgetOf(), post(body, headers), bytesMax));
      expect(isEngineError(error, "invalid")).toBe(true);
    }
  });

  it.each(["br", "zstd", "gzip, gzip"])("in encoding %s is not understood", async (encoding) => {
    const request = post("{}", { "content-encoding": encoding });
    const error = await refusal(readBody(budgetOf(), request, bytesMax));
    expect(error).toBeInstanceOf(UnsupportedEncoding);
  });

  it("holds its length of the budget until it is released", async () => {
    const budget = budgetOf();
    const body = await readBody(
      budget,
      post(new Uint8Array(1_000), { "content-length": "1000" }),
      bytesMax,
    );
    expect(budget.counts().reservedBytes).toBe(1_000);
    body.release();
    body.release();
    expect(budget.counts().reservedBytes).toBe(0);
  });

  it("reserves before it is held, however it grows, and gives all back when refused", async () => {
    const budget = budgetOf();
    const { stream } = endless(50_000);
    await refusal(readBody(budget, post(stream), bytesMax));
    const { reservedBytes, reservedBytesPeak } = budget.counts();
    expect(reservedBytes).toBe(0);
    expect(reservedBytesPeak).toBeLessThanOrEqual(bytesMax);
    expect(reservedBytesPeak).toBeGreaterThanOrEqual(bytesMax - 50_000);
  });
});
