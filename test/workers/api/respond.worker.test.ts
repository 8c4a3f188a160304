/** How answers travel: compressed only when large and asked for, and never whole in memory. */
import { describe, expect, it } from "vitest";
import { respondJson } from "../../../workers/api/respond.ts";

function ask(acceptEncoding: string | undefined, cf?: IncomingRequestCfProperties): Request {
  const headers = acceptEncoding === undefined ? {} : { "accept-encoding": acceptEncoding };
  return new Request("https://shoal.test/", { headers, ...(cf === undefined ? {} : { cf }) });
}

function edge(clientAcceptEncoding: string): IncomingRequestCfProperties {
  return { clientAcceptEncoding } as IncomingRequestCfProperties;
}

const small = { rows: [1, 2, 3] };
const large = { rows: Array.from({ length: 3_000 }, (_, i) => i) };
const huge = { rows: Array.from({ length: 300_000 }, (_, i) => i) };

async function unzip(response: Response): Promise<unknown> {
  const body = response.body as ReadableStream<Uint8Array>;
  return await new Response(body.pipeThrough(new DecompressionStream("gzip"))).json();
}

describe("an answer", () => {
  it("is compressed when it is large and the client takes gzip", async () => {
    for (const accepted of ["gzip", "br, GZIP", "gzip;q=0.5", "deflate, gzip;q=1.0"]) {
      const response = respondJson(ask(accepted), large);
      expect(response.headers.get("content-encoding")).toBe("gzip");
      expect(await unzip(response)).toEqual(large);
    }
  });

  it("is sent as it is when small, or when the client does not take gzip", async () => {
    for (const accepted of [undefined, "identity", "br", "gzip;q=0", "gzip; q=0.0", "x-gzip"]) {
      const response = respondJson(ask(accepted), large);
      expect(response.headers.has("content-encoding")).toBe(false);
      expect(await response.json()).toEqual(large);
    }
    expect(respondJson(ask("gzip"), small).headers.has("content-encoding")).toBe(false);
  });

  it("goes by what the client sent, which the edge keeps aside", () => {
    const refused = respondJson(ask("br, gzip", edge("identity")), large);
    expect(refused.headers.has("content-encoding")).toBe(false);
    const none = respondJson(ask("br, gzip", edge("")), large);
    expect(none.headers.has("content-encoding")).toBe(false);
    const taken = respondJson(ask("br, gzip", edge("gzip")), large);
    expect(taken.headers.get("content-encoding")).toBe("gzip");
  });

  it("that begins with a small chunk is not small for that", async () => {
    const vector = { rows: [{ id: 1, vector: new Float32Array(20_000).fill(0.5) }] };
    const response = respondJson(ask("gzip"), vector);
    expect(response.headers.get("content-encoding")).toBe("gzip");
    expect(await unzip(response)).toEqual({
      rows: [{ id: 1, vector: Array.from({ length: 20_000 }, () => 0.5) }],
    });
  });

  it("of many chunks is whole, compressed or not", async () => {
    expect(await respondJson(ask("identity"), huge).json()).toEqual(huge);
    expect(await unzip(respondJson(ask("gzip"), huge))).toEqual(huge);
  });

  it("is JSON, kept by nobody and changed by nobody", () => {
    const { headers } = respondJson(ask("gzip"), small, { status: 202, headers: { allow: "GET" } });
    expect(headers.get("content-type")).toBe("application/json");
    expect(headers.get("cache-control")).toBe("no-store, no-transform");
    expect(headers.get("allow")).toBe("GET");
  });
});
