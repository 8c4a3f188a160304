/**
 * Who asks: `Authorization: Bearer <key>`.
 *
 *   deployment key  one of the secrets SHOAL_API_KEYS (several, separated by commas) and
 *                   SHOAL_API_KEY (one): may do everything for the first tenant, and make the first
 *                   keys. Digests are compared, not keys: they are equally long whatever the key,
 *                   and each is compared in constant time with all of them
 *   stored key      made through /v1/keys: one record on the bucket says whose it is and what it
 *                   may do (key-memory.ts)
 *
 * Without any deployment key every request is refused: an open database is never what was meant.
 * The tenant comes from the key and from nowhere else.
 */
import { type ApiKey, type ApiScope, apiScopes, parseKeyText } from "../../src/format/api-key.ts";
import type { KeyFinder } from "./key-memory.ts";

export type KeySecrets = Pick<Env, "SHOAL_API_KEYS" | "SHOAL_API_KEY">;

/** Of deployment keys. */
export const firstTenant = "default";

export interface Principal {
  readonly tenant: string;
  readonly scopes: ReadonlySet<ApiScope>;
  /** Of the names it may use. */
  readonly prefix: string;
  /** Undefined for a deployment key. */
  readonly key: ApiKey | undefined;
}

export type Authentication =
  | { readonly kind: "known"; readonly principal: Principal }
  /** 401, for this reason. */
  | { readonly kind: "unknown"; readonly reason: string };

const deployment: Principal = {
  tenant: firstTenant,
  scopes: new Set(apiScopes),
  prefix: "",
  key: undefined,
};

export async function authenticate(
  request: Request,
  secrets: KeySecrets,
  memory: KeyFinder,
  nowMs: number,
): Promise<Authentication> {
  const keys = configuredKeys(secrets);
  if (keys.length === 0) {
    return unknown(
      "this server has no API key, so nobody may use it: set one with " +
        "`wrangler secret put SHOAL_API_KEYS`, or in .dev.vars for `wrangler dev`",
    );
  }
  const presented = bearerToken(request.headers.get("authorization"));
  if (presented === undefined) {
    return unknown("missing API key: send it as `Authorization: Bearer <key>`");
  }
  const digest = sha256(presented);
  const ours = digest instanceof ArrayBuffer ? digest : await digest;
  let matches = 0;
  for (const key of keys) {
    const accepted = sha256(key);
    const theirs = accepted instanceof ArrayBuffer ? accepted : await accepted;
    matches += Number(crypto.subtle.timingSafeEqual(ours, theirs));
  }
  if (matches > 0) {
    return { kind: "known", principal: deployment };
  }
  return await authenticateStored(presented, memory, nowMs);
}

async function authenticateStored(
  presented: string,
  memory: KeyFinder,
  nowMs: number,
): Promise<Authentication> {
  const text = parseKeyText(presented);
  const key = text && (await memory.find(text.tenant, text.id));
  const hash = await sha256(text?.secret ?? "");
  if (key === undefined || !crypto.subtle.timingSafeEqual(hash, key.hash)) {
    return unknown("the API key is not one of this server's");
  }
  if (key.expiresMs !== undefined && key.expiresMs <= nowMs) {
    return unknown("the API key has expired");
  }
  const { tenant, scopes, prefix } = key;
  return { kind: "known", principal: { tenant, scopes: new Set(scopes), prefix, key } };
}

/** Why the principal may not do it, or undefined. `name`: the namespace it is about, if any. */
export function refuseAccess(
  { scopes, prefix }: Principal,
  access: ApiScope,
  name: string | undefined,
): string | undefined {
  if (!scopes.has(access)) {
    return `the API key lacks the scope \`${access}\``;
  }
  return name === undefined || name.startsWith(prefix)
    ? undefined
    : `the API key may only use namespaces whose names begin with \`${prefix}\``;
}

function unknown(reason: string): Authentication {
  return { kind: "unknown", reason };
}

let configured: { readonly text: string; readonly keys: readonly string[] } | undefined;

/** They are the same with each request, so they are cut once. */
function configuredKeys({ SHOAL_API_KEYS: several = "", SHOAL_API_KEY: one = "" }: KeySecrets) {
  const text = `${several}\n${one}`;
  if (configured?.text !== text) {
    const keys = [...several.split(","), one].map((key) => key.trim());
    configured = { text, keys: keys.filter((key) => key !== "") };
  }
  return configured.keys;
}

function bearerToken(header: string | null): string | undefined {
  return /^bearer +(\S+) *$/i.exec(header ?? "")?.[1];
}

/** A server has few keys and each is presented often; a digest costs more than most of a parser. */
const digestsHeldMax = 64;
const keyCharsHeldMax = 256;
const digests = new Map<string, ArrayBuffer>();

/** At once if it is known. */
function sha256(key: string): ArrayBuffer | Promise<ArrayBuffer> {
  return digests.get(key) ?? digestOf(key);
}

async function digestOf(key: string): Promise<ArrayBuffer> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  if (key.length > keyCharsHeldMax) return digest;
  if (digests.size >= digestsHeldMax) digests.clear();
  digests.set(key, digest);
  return digest;
}
