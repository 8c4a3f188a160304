/**
 * API keys of a tenant: made, listed, revoked, found. What they mean is for the API to say.
 *
 *   create  1. the tenant's marker, so that the cron visits it; 2. the record, create-only. Crash
 *              between: a marker without keys, which costs one list a visit
 *   revoke  deletes the record; caches forget it within their own bound
 *
 * Cost: two puts, one list a page with a read for each record, one delete, one get.
 */
import { encodeHex } from "./bytes/hex.ts";
import { EngineError } from "./errors.ts";
import {
  type ApiKey,
  isTenantName,
  openApiKey,
  renderKeyText,
  sealApiKey,
  secretBytes,
} from "./format/api-key.ts";
import { limits } from "./limits.ts";
import type { Ports } from "./ports.ts";
import {
  apiKeyKey,
  apiKeyPrefix,
  idOfApiKeyKey,
  tenantKey,
  tenantOfKey,
  tenantsPrefix,
} from "./store/keys.ts";

export type KeyWish = Omit<ApiKey, "id" | "tenant" | "hash" | "createdMs">;

export interface CreatedKey {
  readonly key: ApiKey;
  /** What its user presents; never to be seen again. */
  readonly text: string;
}

const encoder = new TextEncoder();

export async function createKey(ports: Ports, tenant: string, wish: KeyWish): Promise<CreatedKey> {
  const { store, random, digest, clock } = ports;
  const id = `${tenant}-${encodeHex(random.bytes(8))}`;
  const secret = encodeHex(random.bytes(secretBytes));
  const hash = await digest(encoder.encode(secret));
  const key: ApiKey = { ...wish, id, tenant, hash, createdMs: clock.now() };
  const sealed = await sealApiKey(key, random.bytes(16), digest);
  await store.put(tenantKey(tenant), new Uint8Array(0), { kind: "create" });
  const options = { sha256: sealed.sha256 };
  const result = await store.put(apiKeyKey(tenant, id), sealed.bytes, { kind: "create" }, options);
  if (result.kind !== "stored") {
    throw new EngineError("conflict", "the key could not be made; ask again");
  }
  return { key, text: renderKeyText(id, secret) };
}

export async function readKey(
  { store, digest }: Pick<Ports, "store" | "digest">,
  tenant: string,
  id: string,
): Promise<ApiKey | undefined> {
  const stored = await store.get(apiKeyKey(tenant, id));
  const key = stored && (await openApiKey(stored.bytes, digest));
  return key?.id === id && key.tenant === tenant ? key : undefined;
}

export interface KeyPage {
  readonly keys: readonly ApiKey[];
  /** Where the next page begins; undefined when there is nothing behind this one. */
  readonly after: string | undefined;
}

export async function listKeys(
  ports: Ports,
  tenant: string,
  { after, pageSize }: { readonly after: string | undefined; readonly pageSize: number },
): Promise<KeyPage> {
  const page = await ports.store.list(apiKeyPrefix(tenant), {
    ...(after === undefined ? {} : { after: apiKeyKey(tenant, after) }),
    limit: pageSize,
  });
  const ids = page.objects.flatMap(({ key }) => idOfApiKeyKey(key) ?? []);
  const keys: ApiKey[] = [];
  for (let i = 0; i < ids.length; i += limits.connectionsMax) {
    const wave = ids.slice(i, i + limits.connectionsMax);
    const read = await Promise.all(wave.map((id) => readKey(ports, tenant, id)));
    keys.push(...read.filter((key) => key !== undefined));
  }
  return { keys, after: page.more ? ids.at(-1) : undefined };
}

/** False if there is no such key. */
export async function revokeKey(ports: Ports, tenant: string, id: string): Promise<boolean> {
  const key = apiKeyKey(tenant, id);
  if ((await ports.store.head(key)) === undefined) return false;
  await ports.store.delete([key]);
  return true;
}

/** Every tenant that a key was ever made for. */
export async function listTenants({ store }: Pick<Ports, "store">): Promise<readonly string[]> {
  const tenants: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = await store.list(tenantsPrefix, after === undefined ? {} : { after });
    tenants.push(...page.objects.flatMap(({ key }) => tenantOfKey(key) ?? []));
    after = page.objects.at(-1)?.key;
    if (!page.more || after === undefined) return tenants.filter(isTenantName);
  }
}
