/** Bad requests by the thousand, and whether the command would notice if they did harm. */
import { createServer, request as forward, type IncomingMessage } from "node:http";
import { expect, it } from "vitest";
import { type Finding, type FuzzTotals, runFuzz } from "../../scripts/fuzz/run.ts";
import { startCommand } from "./command.ts";
import { server } from "./harness.ts";

it("2,000 bad requests are refused clearly, at once and without a trace", async () => {
  const command = startCommand(["fuzz", "--requests", "2000", "--seed", "3", "--json"]);
  const code = await command.ended;
  const lines = command.stdout().trimEnd().split("\n");
  const summary = JSON.parse(lines.pop() ?? "") as Record<string, number>;
  expect(lines, command.stderr()).toEqual([]);
  expect(summary).toMatchObject({
    fuzz: "summary",
    requests: 2_000,
    server_errors: 0,
    unclear: 0,
    slow: 0,
    state_changes: 0,
  });
  // Neither are they all refused at the door.
  expect(summary["accepted"]).toBeGreaterThan(300);
  expect(summary["refused"]).toBeGreaterThan(800);
  expect(code).toBe(0);
});

it("a command that cannot run exits with 2", async () => {
  expect(await startCommand(["fuzz", "--requests", "none"]).ended).toBe(2);
});

type Fault = (request: IncomingMessage, status: number) => Promise<number> | number;

/** Fuzzes through a proxy that does something wrong once in a while. */
async function fuzzThrough(fault: Fault): Promise<{ totals: FuzzTotals; findings: Finding[] }> {
  const target = new URL(server.directUrl);
  const proxy = createServer((request, response) => {
    const { method, url, headers } = request;
    const host = { hostname: target.hostname, port: target.port };
    const call = forward({ ...host, method, path: url, headers }, (answer) => {
      const { statusCode = 0, headers: answered } = answer;
      const pass = async (): Promise<void> => {
        response.writeHead(await fault(request, statusCode), answered);
        answer.pipe(response);
      };
      pass().catch(() => response.destroy());
    });
    call.on("error", () => response.destroy());
    request.pipe(call);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const address = proxy.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const findings: Finding[] = [];
  try {
    const totals = await runFuzz({
      server: { directUrl: `http://127.0.0.1:${port}`, apiKey: server.apiKey },
      requests: 150,
      seed: 4,
      from: 1,
      onFinding: (finding) => findings.push(finding),
      onProgress: () => undefined,
    });
    return { totals, findings };
  } finally {
    proxy.close();
    proxy.closeAllConnections();
  }
}

it("a refusal that became a 500 is a server error", async () => {
  let done = 0;
  const { totals } = await fuzzThrough((_, status) =>
    status === 422 && done++ < 2 ? 500 : status,
  );
  expect(totals).toMatchObject({ requests: 150, server_errors: 2, state_changes: 0 });
});

it("a refused write that wrote something is a change of state", async () => {
  let done = 0;
  const { totals, findings } = await fuzzThrough(async ({ method, url, headers }, status) => {
    const isWrite = method === "POST" && url === "/v2/namespaces/fuzz";
    const authorization = headers.authorization ?? "";
    if (isWrite && (status === 400 || status === 422) && done++ === 0) {
      const body = JSON.stringify({ upsert_rows: [{ id: 99, vector: [1, 0] }] });
      const written = await fetch(server.directUrl + url, {
        method: "POST",
        headers: { authorization },
        body,
      });
      expect(written.status).toBe(200);
    }
    return status;
  });
  expect(done).toBeGreaterThan(0);
  expect(totals.state_changes).toBe(1);
  expect(findings.find(({ kind }) => kind === "state_change")?.detail).toMatch(/rows: /);
});

it("an answer that takes too long is slow", async () => {
  let done = 0;
  const { totals } = await fuzzThrough(async (_, status) => {
    if (status === 422 && done++ === 0) await new Promise((resolve) => setTimeout(resolve, 5_500));
    return status;
  });
  expect(totals.slow).toBe(1);
});
