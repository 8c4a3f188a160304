/** Clients hang up while others wait for what their requests were about to bring. */
import { runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { expect, it } from "vitest";
import { Namespace } from "../workerd/api.ts";

interface Memory {
  readonly reads: { readonly bytes: number };
  readonly bodies: { readonly bytes: number };
  readonly head_calls: { readonly made: number; readonly shared: number; deserted: number };
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Nothing reaches the object for so long: calls wait there. */
function block(namespace: Namespace, ms: number): Promise<void> {
  return runInDurableObject(namespace.stub(), (_, state) =>
    state.blockConcurrencyWhile(() => pause(ms)),
  );
}

function ask(namespace: Namespace, signal?: AbortSignal): Promise<Response> {
  const request = new Request(`https://shoal.test/v2/namespaces/${namespace.name}/query`, {
    method: "POST",
    headers: { authorization: `Bearer ${env.SHOAL_API_KEYS}` },
    body: JSON.stringify({ rank_by: ["id", "asc"], limit: 10 }),
    ...(signal === undefined ? {} : { signal }),
  });
  return exports.default.fetch(request);
}

/** Two queries that are answered by calls of their own, and three that wait for the second. */
async function askTogether(namespace: Namespace, hangUp: AbortSignal) {
  const before = (await namespace.memory<Memory>()).head_calls;
  const blocked = block(namespace, 200);
  await pause(10);
  const leaders = [ask(namespace, hangUp)];
  await pause(2);
  leaders.push(ask(namespace, hangUp));
  await pause(1);
  const followers = Promise.all([ask(namespace), ask(namespace), ask(namespace)]);
  await pause(15);
  return { before, blocked, leaders, followers };
}

async function expectAnswers(answers: readonly Response[]): Promise<void> {
  for (const answer of answers) {
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ rows: [{ id: 1 }] });
  }
}

it("queries that come together share a call", async () => {
  const choir = new Namespace("choir");
  await choir.write({ upsert_rows: [{ id: 1, n: 1 }] });
  const { before, blocked, leaders, followers } = await askTogether(
    choir,
    new AbortController().signal,
  );
  await expectAnswers([...(await Promise.all(leaders)), ...(await followers)]);
  await blocked;
  const { head_calls } = await choir.memory<Memory>();
  expect(head_calls.shared).toBeGreaterThan(before.shared);
});

it("those that waited for a request that is gone are answered all the same", async () => {
  const relay = new Namespace("relay");
  await relay.write({ upsert_rows: [{ id: 1, n: 1 }] });
  const hangUp = new AbortController();
  const { before, blocked, leaders, followers } = await askTogether(relay, hangUp.signal);
  hangUp.abort();
  const outcomes = await Promise.allSettled(leaders);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  await expectAnswers(await followers);
  await blocked;
  const { head_calls, reads, bodies } = await relay.memory<Memory>();
  expect(head_calls.deserted).toBeGreaterThan(before.deserted);
  expect([reads.bytes, bodies.bytes]).toEqual([0, 0]);
});
