/**
 * What a request works with: the engine's ports, what its isolate keeps between requests, and the
 * owners of namespaces.
 *
 * An isolate keeps caches and budgets only. All of it may vanish at any time, and that costs time
 * only. A promise belongs to the request that made it and dies with it, so none is kept, but for
 * answers of owners that requests share: whoever waits for one does so by a timer of its own.
 */

import type { Usage as KeyUsage } from "../../durable-objects/meter.ts";
import { readKey } from "../../src/access.ts";
import { encodeHex } from "../../src/bytes/hex.ts";
import { limits } from "../../src/limits.ts";
import type { NamespaceApi, NamespaceDescription } from "../../src/namespace/protocol.ts";
import type { OperationHint, RecallSampleHint } from "../../src/ports.ts";
import { RecallSampler } from "../../src/recall-sample.ts";
import { createSearchMemory, type SearchMemory, type SearchPorts } from "../../src/search-ports.ts";
import { BlockCache } from "../../src/store/block-cache.ts";
import type { ByteLruCounts } from "../../src/store/byte-lru.ts";
import {
  MemoryBudget,
  type MemoryBudgetCounts,
  RequestBudget,
} from "../../src/store/memory-budget.ts";
import type { SharedCallCounts } from "../../src/store/shared-calls.ts";
import { WeightedLru } from "../../src/store/weighted-lru.ts";
import type { DescriptionMemory, WriteTarget } from "../../src/submission.ts";
import { CacheApi, type EdgeCounts } from "../platform/cache-api.ts";
import { systemClock } from "../platform/clock.ts";
import { sha256 } from "../platform/digest.ts";
import { kernels } from "../platform/kernels.ts";
import { createLog } from "../platform/log.ts";
import { namespaceClient } from "../platform/namespace-client.ts";
import { enginePorts } from "../platform/ports.ts";
import { sendHint } from "../platform/queue.ts";
import { systemRandom } from "../platform/random.ts";
import { readerClient } from "../platform/reader-client.ts";
import type { Usage, UsageMeter } from "../platform/usage-meter.ts";
import { authenticate, type Principal } from "./auth.ts";
import { readBody } from "./body.ts";
import { parseJson } from "./json.ts";
import { type KeyFinder, KeyMemory } from "./key-memory.ts";
import { Quotas, type TakeGrant } from "./quota.ts";

/** One request. */
export interface Scope {
  readonly request: Request;
  readonly principal: Principal;
  /** Whose namespaces they are: the key's. */
  readonly tenant: string;
  readonly ports: SearchPorts;
  owner(name: string): NamespaceApi;
  /** Whose API key the text is; undefined if nobody's. */
  identify(key: string): Promise<Principal | undefined>;
  target(name: string): WriteTarget;
  /**
   * Runs `use` with the parsed body, which counts against the memory of the isolate until `use` is
   * done. `otherwise` stands for an empty body; without it that is malformed.
   */
  withJson<T>(
    bytesMax: number,
    use: (json: unknown) => Promise<T>,
    otherwise?: unknown,
  ): Promise<T>;
  /** The same; `look` sees the decompressed bytes first. */
  withBody<L, T>(
    bytesMax: number,
    look: (bytes: Uint8Array) => Promise<L>,
    use: (json: unknown, seen: L) => Promise<T>,
  ): Promise<T>;
  /** Tells a consumer that an operation waits, or of a query to look at. */
  sendHint(hint: OperationHint | RecallSampleHint): Promise<void>;
  /** Which queries are looked at. */
  readonly sampler: RecallSampler;
  /** Whole milliseconds since the request arrived, at least 1. */
  elapsedMs(): number;
  /** What the request has used of the platform so far. */
  usage(): Usage;
  /** Forgets what the isolate knows of a namespace that was deleted. */
  forget(name: string): void;
  /** Forgets what the isolate knows of an API key that was revoked. */
  forgetKey(id: string): void;
  /** Drops every cache of this isolate. */
  purge(): void;
  /** What this isolate holds. */
  memory(): IsolateMemory;
}

export interface IsolateMemory {
  readonly blocks: ByteLruCounts;
  readonly edge: EdgeCounts;
  /** Bytes being read. */
  readonly reads: MemoryBudgetCounts;
  readonly bodies: MemoryBudgetCounts;
  readonly heads: SharedCallCounts;
}

interface Isolate {
  readonly cache: BlockCache;
  readonly edge: CacheApi;
  readonly memory: SearchMemory;
  readonly descriptions: WeightedLru<NamespaceDescription>;
  /** Bytes being read. */
  readonly budget: MemoryBudget;
  /** Bodies of requests. */
  readonly bodies: MemoryBudget;
  readonly keys: KeyMemory;
  readonly quotas: Quotas;
  readonly sampler: RecallSampler;
}

let isolate: Isolate | undefined;

type Background = Pick<ExecutionContext, "waitUntil">;

/** The API keys as this request sees them. */
export function keyFinder(env: Env, context: Background, meter: UsageMeter): KeyFinder {
  isolate ??= openIsolate();
  const { store } = enginePorts(env, meter);
  return isolate.keys.view({
    clock: systemClock,
    read: (tenant, id) => readKey({ store, digest: sha256 }, tenant, id),
    defer: (work) => context.waitUntil(work),
  });
}

export function openScope(
  request: Request,
  env: Env,
  context: Background,
  principal: Principal,
  meter: UsageMeter,
): Scope {
  const startedMs = systemClock.now();
  isolate ??= openIsolate();
  const { cache, memory, descriptions, budget, bodies, keys, sampler } = isolate;
  const { tenant } = principal;
  const [ownBodies, ownReads] = partsOf([bodies, budget], request.signal);
  const ports: SearchPorts = {
    ...enginePorts(env, meter),
    kernels: kernels(),
    cache,
    memory,
    budget: ownReads,
    readers: readerClient(env, meter),
    defer: (work) => context.waitUntil(work),
  };
  const owner = (name: string): NamespaceApi => namespaceClient(env, tenant, name, meter);
  const withBytes = async <T>(bytesMax: number, use: (bytes: Uint8Array) => Promise<T>) => {
    const body = await readBody(ownBodies, request, bytesMax);
    try {
      const bytes = body.take();
      await spend(env, principal, { requests: 0, bytes: bytes.length }, meter);
      return await use(bytes);
    } finally {
      body.release();
    }
  };
  return {
    request,
    principal,
    tenant,
    ports,
    owner,
    identify: (key) => identify(key, env, context, meter),
    target: (name) => {
      return { tenant, name, owner: owner(name), memory: memoryOf(descriptions, tenant) };
    },
    withJson: (bytesMax, use, otherwise) =>
      withBytes(bytesMax, async (bytes) => {
        const isGiven = bytes.length > 0 || otherwise === undefined;
        return await use(isGiven ? parseJson(bytes) : otherwise);
      }),
    withBody: (bytesMax, look, use) =>
      withBytes(bytesMax, async (bytes) => {
        const seen = await look(bytes);
        return await use(parseJson(bytes), seen);
      }),
    sampler,
    sendHint: (hint) => sendHint(env, meter, hint),
    usage: () => meter.usage(),
    elapsedMs: () => Math.max(1, Math.ceil(systemClock.now() - startedMs)),
    purge: () => {
      // What the edge keeps cannot be dropped, so this isolate turns to another cache there.
      isolate = openIsolate(`shoal-blocks-${encodeHex(systemRandom.bytes(8))}`);
    },
    memory: () => describeIsolate(isolate ?? openIsolate()),
    forget: (name) => {
      memory.snapshots.forget(tenant, name);
      descriptions.delete(`${tenant}/${name}`);
    },
    forgetKey: (id) => keys.forget(id),
  };
}

async function identify(
  key: string,
  env: Env,
  context: Background,
  meter: UsageMeter,
): Promise<Principal | undefined> {
  const headers = { authorization: `Bearer ${key}` };
  const asked = new Request("https://shoal.invalid", { headers });
  const found = await authenticate(asked, env, keyFinder(env, context, meter), systemClock.now());
  return found.kind === "known" ? found.principal : undefined;
}

/** What works without a request, a consumer or a reader, has: the isolate's caches and budgets. */
export function openBackground(
  env: Env,
  meter: UsageMeter,
): { ports: SearchPorts; close: () => Promise<void> } {
  isolate ??= openIsolate();
  const { cache, memory, budget } = isolate;
  const part = new RequestBudget(budget);
  const deferred: Promise<unknown>[] = [];
  const ports: SearchPorts = {
    ...enginePorts(env, meter),
    kernels: kernels(),
    cache,
    memory,
    budget: part,
    defer: (work) => deferred.push(work),
  };
  const close = async (): Promise<void> => {
    part.close();
    await Promise.allSettled(deferred);
  };
  return { ports, close };
}

/** Closed when the client hangs up: the request may end there, without running its `finally`. */
function partsOf<const B extends readonly MemoryBudget[]>(budgets: B, clientSignal: AbortSignal) {
  const parts = budgets.map((budget) => new RequestBudget(budget));
  const close = (): void => parts.forEach((part) => part.close());
  clientSignal.addEventListener("abort", close, { once: true });
  return parts as { readonly [K in keyof B]: RequestBudget };
}

function describeIsolate({ cache, edge, budget, bodies, memory }: Isolate): IsolateMemory {
  return {
    blocks: cache.counts(),
    edge: edge.counts(),
    reads: budget.counts(),
    bodies: bodies.counts(),
    heads: memory.snapshots.calls.counts(),
  };
}

/** Counts against the quota of the key. Throws `overloaded` when that is used up. */
export async function spend(
  env: Env,
  { key }: Principal,
  cost: KeyUsage,
  meter: UsageMeter,
): Promise<void> {
  isolate ??= openIsolate();
  const take: TakeGrant = (id, asked, quota) => {
    meter.add("objectCalls");
    return env.METERS.getByName(id).take(asked, quota);
  };
  await isolate.quotas.spend({ clock: systemClock, log: createLog(), take }, key, cost);
}

function openIsolate(edgeName?: string): Isolate {
  const edge = new CacheApi(caches, edgeName);
  const onChange = () => isolate?.cache.fit();
  const budget = isolate?.budget ?? new MemoryBudget(systemClock, { onChange });
  return {
    cache: new BlockCache({
      edge,
      lentBytes: () => Math.min(limits.lentBytesMax, budget.freeBytes),
    }),
    edge,
    memory: createSearchMemory(),
    descriptions: new WeightedLru(descriptionsWeightMax),
    budget,
    bodies: isolate?.bodies ?? new MemoryBudget(systemClock, { bytesMax: limits.bodiesBytesMax }),
    keys: isolate?.keys ?? new KeyMemory(),
    quotas: isolate?.quotas ?? new Quotas(),
    sampler: isolate?.sampler ?? new RecallSampler(),
  };
}

/** Attributes, of some 200 bytes each. */
const descriptionsWeightMax = 5_000;

function memoryOf(
  descriptions: WeightedLru<NamespaceDescription>,
  tenant: string,
): DescriptionMemory {
  return {
    recall: (name) => descriptions.get(`${tenant}/${name}`),
    remember: (name, description) => {
      const weight = 1 + description.schema.attributes.size;
      descriptions.put(`${tenant}/${name}`, description, weight);
    },
  };
}
