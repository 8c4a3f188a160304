/**
 * Where everything lies: the only place that knows how keys are made and read.
 *
 *   tenants/<tenant>                          marker: API keys were made for it
 *   t/<tenant>/keys/<id>                      API key record
 *   t/<tenant>/names/<name>                   registry entry: which generation a name has
 *   t/<tenant>/n/<generation>/current         pointer to a recent manifest; compare-and-swapped
 *                            /wal/<sequence>  one sealed group
 *                            /part/<id>       attachment of a large batch
 *                            /manifest/<version>
 *                            /segment/<id>             a segment that is one object
 *                            /segment/<id>/<part>      one of several
 *                            /segment/<id>/dead/<name> a bitmap of its superseded rows
 *                            /keys/<name>     idempotency keys of flushed entries
 *                            /skips/<sequence> a log entry that an operator went on without
 *                            /refs/<child>    a branch that still reads this generation
 *   t/<tenant>/ops/<token>/{request,result}   an asynchronous operation
 *                         /claims/<number>    who works on it
 *   t/<tenant>/imports/<name>/<token>/…       an import: an operation, and beside its objects
 *                         /step/<number>      how far it has come
 *                         /cancel             somebody wants it to end
 *   t/<tenant>/graves/<generation>            a deleted generation still to be purged
 *   imports/<tenant>/<path>                   what users put there to be imported; only ever read
 *
 * Sequences and versions are 16 lower-case hex digits and parts 4 decimal ones (since "dead" is
 * hex), so that lists come in their order. A *root* is "t/<tenant>/n/<generation>/": everything
 * below it dies with the generation. Tenants, names and ids come from elsewhere, validated; that
 * none contains a slash is asserted here.
 */
import { assert } from "../errors.ts";

const hexDigits = 16;
const partDigits = 4;

// ---- Of a tenant ----

export const tenantsPrefix = "tenants/";

export function tenantKey(tenant: string): string {
  return tenantsPrefix + step(tenant);
}

export function tenantOfKey(key: string): string | undefined {
  return /^tenants\/([^/]+)$/.exec(key)?.[1];
}

export function apiKeyPrefix(tenant: string): string {
  return `t/${step(tenant)}/keys/`;
}

export function apiKeyKey(tenant: string, id: string): string {
  return apiKeyPrefix(tenant) + step(id);
}

export function idOfApiKeyKey(key: string): string | undefined {
  return /^t\/[^/]+\/keys\/([^/]+)$/.exec(key)?.[1];
}

export function registryPrefix(tenant: string): string {
  return `t/${step(tenant)}/names/`;
}

export function registryKey(tenant: string, name: string): string {
  return registryPrefix(tenant) + step(name);
}

export function nameOfRegistryKey(key: string): string | undefined {
  return /^t\/[^/]+\/names\/([^/]+)$/.exec(key)?.[1];
}

export function gravePrefix(tenant: string): string {
  return `t/${step(tenant)}/graves/`;
}

export function graveKey(tenant: string, generation: string): string {
  return gravePrefix(tenant) + step(generation);
}

export function generationOfGraveKey(key: string): string | undefined {
  return /^t\/[^/]+\/graves\/([^/]+)$/.exec(key)?.[1];
}

export function operationPrefix(tenant: string): string {
  return `t/${step(tenant)}/ops/`;
}

/** Of the imports into all namespaces. */
export function importPrefix(tenant: string): string {
  return `t/${step(tenant)}/imports/`;
}

export function importsOfPrefix(tenant: string, name: string): string {
  return `${importPrefix(tenant)}${step(name)}/`;
}

export interface OperationPlace {
  readonly tenant: string;
  readonly token: string;
  /** It is an import into the namespace of this name. */
  readonly into?: string;
}

/** Prefix of all objects of an operation. */
export function operationRoot({ tenant, token, into }: OperationPlace): string {
  const prefix = into === undefined ? operationPrefix(tenant) : importsOfPrefix(tenant, into);
  return `${prefix}${step(token)}/`;
}

export function operationRequestKey(place: OperationPlace): string {
  return `${operationRoot(place)}request`;
}

export function operationResultKey(place: OperationPlace): string {
  return `${operationRoot(place)}result`;
}

export function operationClaimPrefix(place: OperationPlace): string {
  return `${operationRoot(place)}claims/`;
}

export function operationClaimKey(place: OperationPlace, number: number): string {
  return operationClaimPrefix(place) + hexNumber(number);
}

export function numberOfClaimKey(key: string): number | undefined {
  return numberBehind(key, /\/claims\/([0-9a-f]{16})$/);
}

export function importCancelKey(place: OperationPlace): string {
  return `${operationRoot(place)}cancel`;
}

export function importStepPrefix(place: OperationPlace): string {
  return `${operationRoot(place)}step/`;
}

export function importStepKey(place: OperationPlace, number: number): string {
  return importStepPrefix(place) + hexNumber(number);
}

export function numberOfImportStepKey(key: string): number | undefined {
  return numberBehind(key, /\/step\/([0-9a-f]{16})$/);
}

/** The operation that an object belongs to, and which of its objects it is. */
export function operationOfKey(
  key: string,
): { readonly place: OperationPlace; readonly object: string } | undefined {
  const pattern = /^t\/([^/]+)\/(?:ops|imports\/([^/]+))\/([^/]+)\/(.+)$/;
  const [, tenant, into, token, object] = pattern.exec(key) ?? [];
  if (tenant === undefined || token === undefined || object === undefined) return undefined;
  return { place: { tenant, token, ...(into === undefined ? {} : { into }) }, object };
}

/** What a tenant may import: an object that a user has put there, by the rest of its key. */
export function importSourceKey(tenant: string, path: string): string {
  return `imports/${step(tenant)}/${path}`;
}

// ---- Of a generation ----

/** The root of a generation; prefix of all its objects. */
export function generationRoot(tenant: string, generation: string): string {
  return `t/${step(tenant)}/n/${step(generation)}/`;
}

export function currentKey(root: string): string {
  return `${root}current`;
}

export function walPrefix(root: string): string {
  return `${root}wal/`;
}

export function walKey(root: string, sequence: number): string {
  return walPrefix(root) + hexNumber(sequence);
}

export function sequenceOfWalKey(key: string): number | undefined {
  return numberBehind(key, /\/wal\/([0-9a-f]{16})$/);
}

export function manifestPrefix(root: string): string {
  return `${root}manifest/`;
}

export function manifestKey(root: string, version: number): string {
  return manifestPrefix(root) + hexNumber(version);
}

export function versionOfManifestKey(key: string): number | undefined {
  return numberBehind(key, /\/manifest\/([0-9a-f]{16})$/);
}

export function attachmentPrefix(root: string): string {
  return `${root}part/`;
}

/** An attachment of a batch, stored by the Worker before the commit. */
export function attachmentKey(root: string, id: string): string {
  return attachmentPrefix(root) + step(id);
}

export function idOfAttachmentKey(key: string): string | undefined {
  return /\/part\/([^/]+)$/.exec(key)?.[1];
}

/** Prefix of all segments of a generation. */
export function segmentsPrefix(root: string): string {
  return `${root}segment/`;
}

/** Object `part` of a segment of `parts` objects. */
export function segmentKey(root: string, id: string, parts: number, part: number): string {
  assert(part >= 0 && part < parts, `part ${part} of ${parts}`);
  const whole = segmentsPrefix(root) + step(id);
  const digits = String(part).padStart(partDigits, "0");
  assert(digits.length === partDigits, `part ${part}`);
  return parts === 1 ? whole : `${whole}/${digits}`;
}

export function deadKey(root: string, id: string, name: string): string {
  return `${segmentsPrefix(root)}${step(id)}/dead/${step(name)}`;
}

/** The segment that an object below `segment/` belongs to, and what of it the object is. */
export type SegmentObject =
  | { readonly kind: "whole"; readonly id: string }
  | { readonly kind: "part"; readonly id: string; readonly part: number }
  | { readonly kind: "dead"; readonly id: string; readonly name: string };

export function segmentOfKey(key: string): SegmentObject | undefined {
  const match = /\/segment\/([^/]+)(?:\/(\d{4})|\/dead\/([^/]+))?$/.exec(key);
  const [, id, part, name] = match ?? [];
  if (id === undefined) return undefined;
  if (part !== undefined) return { kind: "part", id, part: Number(part) };
  if (name !== undefined) return { kind: "dead", id, name };
  return { kind: "whole", id };
}

export function stepsPrefix(root: string): string {
  return `${root}step/`;
}

/** What a step of a merge has found out; named by the attempt's own name and its number. */
export function stepKey(root: string, name: string): string {
  return stepsPrefix(root) + step(name);
}

export function nameOfStepKey(key: string): string | undefined {
  return /\/step\/([^/]+)$/.exec(key)?.[1];
}

export function keysPrefix(root: string): string {
  return `${root}keys/`;
}

export function keysKey(root: string, name: string): string {
  return keysPrefix(root) + step(name);
}

export function nameOfKeysKey(key: string): string | undefined {
  return /\/keys\/([^/]+)$/.exec(key)?.[1];
}

export function skipsPrefix(root: string): string {
  return `${root}skips/`;
}

export function skipKey(root: string, sequence: number): string {
  return skipsPrefix(root) + hexNumber(sequence);
}

export function sequenceOfSkipKey(key: string): number | undefined {
  return numberBehind(key, /\/skips\/([0-9a-f]{16})$/);
}

export function refsPrefix(root: string): string {
  return `${root}refs/`;
}

export function refKey(root: string, child: string): string {
  return refsPrefix(root) + step(child);
}

export function childOfRefKey(key: string): string | undefined {
  return /\/refs\/([^/]+)$/.exec(key)?.[1];
}

// ---- Parts of a key ----

/** One step of a path. */
function step(text: string): string {
  assert(text.length > 0 && !text.includes("/"), `"${text}" cannot be a step of a key`);
  return text;
}

function hexNumber(value: number): string {
  assert(Number.isSafeInteger(value) && value >= 0, `number ${value}`);
  return value.toString(16).padStart(hexDigits, "0");
}

/** Undefined too when the number is beyond what a double holds exactly: no key of ours is. */
function numberBehind(key: string, pattern: RegExp): number | undefined {
  const digits = pattern.exec(key)?.[1];
  if (digits === undefined) return undefined;
  const value = Number.parseInt(digits, 16);
  return Number.isSafeInteger(value) ? value : undefined;
}
