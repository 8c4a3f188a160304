/** probe */
import { runInDurableObject, evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { Namespace } from "../../durable-objects/namespace.ts";

it("alarm identity", async () => {
  const seen: unknown[] = [];
  const original = Namespace.prototype.alarm;
  Namespace.prototype.alarm = async function (this: any) { seen.push([this.ctx.id.name, String(this.ctx.id)]); };
  const stub = env.NAMESPACES.getByName("default/probe");
  await runInDurableObject(stub, async (_i, state) => { seen.push(["ctor", state.id.name]); await state.storage.setAlarm(Date.now() + 300); });
  await evictDurableObject(stub);
  await new Promise((r) => setTimeout(r, 1500));
  expect.soft(JSON.stringify(seen)).toBe("x");
  const stub2 = env.NAMESPACES.get(env.NAMESPACES.idFromName("default/probe"));
  await runInDurableObject(stub2, async (_i, state) => { seen.push(["idFromName", state.id.name]); await state.storage.setAlarm(Date.now() + 300000); });
  await runDurableObjectAlarm(stub2);
  expect.soft(JSON.stringify(seen)).toBe("x");
  Namespace.prototype.alarm = original;
});

it("abort semantics", async () => {
  const stub = env.NAMESPACES.getByName("default/probe2");
  const log: string[] = [];
  const flags = (e: any) => JSON.stringify({ m: e.message, retryable: e.retryable, overloaded: e.overloaded, reset: e.durableObjectReset, remote: e.remote });
  const proto: any = Namespace.prototype;
  const originalStatus = proto.status;
  const originalDescribe = proto.describe;
  proto.status = async function (this: any) { await new Promise((r) => setTimeout(r, 500)); return "late"; };
  proto.describe = async function (this: any) {
    const ctx = this.ctx;
    try { ctx.abort("why not"); log.push("after abort"); } catch (e: any) { log.push("abort threw " + e.message); }
    finally { log.push("finally"); }
    return "answered";
  };
  const waiting = (stub as any).status().then((v: any) => log.push("status " + v), (e: any) => log.push("status failed " + flags(e)));
  await new Promise((r) => setTimeout(r, 50));
  await (stub as any).describe().then((v: any) => log.push("describe " + v), (e: any) => log.push("describe failed " + flags(e)));
  await waiting;
  proto.status = originalStatus;
  proto.describe = originalDescribe;
  const again = env.NAMESPACES.getByName("default/probe2");
  const r = await again.describe("default", "probe2");
  log.push(JSON.stringify(r.ok));
  expect.soft(log.join("\n")).toBe("x");
});

it("storage put failing semantics / views over rpc", async () => {
  const stub = env.NAMESPACES.getByName("default/probe3");
  const proto: any = Namespace.prototype;
  const original = proto.describe;
  proto.describe = async function (this: any, a: Uint8Array) { return [a.byteLength, a.buffer.byteLength, a.byteOffset]; };
  const big = new Uint8Array(1_000_000);
  expect.soft(JSON.stringify(await (stub as any).describe(big.subarray(10, 20)))).toBe("x");
  proto.describe = original;
});
