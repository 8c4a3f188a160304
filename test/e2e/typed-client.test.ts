/** The typed client against a real server: what the official one has no word for. */
import { expect, it } from "vitest";
import { type Change, ShoalClient, ShoalError } from "../../clients/typescript/shoal-client.ts";
import { freshName, openClient, server } from "./harness.ts";

const shoal = new ShoalClient({ baseURL: server.directUrl, apiKey: server.apiKey });

it("reads changes, a page at a time, from a cursor on, and as they come", async () => {
  const name = freshName("changes");
  const official = openClient().namespace(name);
  await official.write({ upsert_rows: [{ id: 1, n: 1 }] });
  await official.write({ upsert_rows: [{ id: 2, n: 2 }], deletes: [1] });
  const found: Change[] = [];
  let cursor = "";
  for await (const page of shoal.namespace(name).changes({ limit: 1 })) {
    found.push(...page.changes);
    ({ cursor } = page);
  }
  const ids = found.map((each) => ("upsert" in each ? each.upsert.id : -Number(each.delete)));
  expect(ids).toEqual([1, 2, -1]);

  const ended = new AbortController();
  const options = { after: cursor, follow: true, pollMs: 20, signal: ended.signal };
  const following = shoal.namespace(name).changes(options);
  const next = following.next();
  await official.write({ upsert_rows: [{ id: 3, n: 3 }] });
  const { value } = await next;
  expect(value?.changes).toMatchObject([{ upsert: { id: 3, n: 3 } }]);
  const waiting = following.next();
  ended.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
});

it("names a state, lists it, goes back to it and forgets it", async () => {
  const name = freshName("snapshots");
  const official = openClient().namespace(name);
  const mine = shoal.namespace(name);
  await official.write({ upsert_rows: [{ id: 1, n: 1 }] });
  const made = await mine.createSnapshot("before");
  expect(await mine.snapshots()).toEqual([expect.objectContaining({ name: "before" })]);
  await official.write({ deletes: [1] });
  expect((await mine.restore({ snapshot: "before" })).sequence).toBe(made.sequence);
  const { rows } = await official.query({ rank_by: ["id", "asc"], limit: 1 });
  expect(rows).toHaveLength(1);
  await mine.deleteSnapshot("before");
  expect(await mine.snapshots()).toEqual([]);
});

it("says what the server refuses, and does not repeat what may have been done", async () => {
  const mine = shoal.namespace(freshName("none"));
  const refused = await mine.startImport({ source: "absent.csv" }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ShoalError);
  expect(refused).toMatchObject({ status: 404 });
  expect(await mine.imports()).toEqual([]);

  let calls = 0;
  const answers = [429, 503, 200];
  const fetch = async (): Promise<Response> => {
    const status = answers[calls] ?? 200;
    calls += 1;
    return new Response('{"imports":[],"next_cursor":null}', {
      status,
      headers: status === 200 ? {} : { "retry-after": "0" },
    });
  };
  const counted = new ShoalClient({ baseURL: "http://shoal.invalid", apiKey: "k", fetch });
  expect(await counted.namespace("a").imports()).toEqual([]);
  expect(calls).toBe(3);
  calls = 0;
  const restored = counted.namespace("a").restore(1);
  await expect(restored).rejects.toMatchObject({ status: 503 });
  expect(calls).toBe(2);
});
