/**
 * Imports of objects that lie in the bucket already: asked for, looked at, cancelled. Running them
 * is import-run.ts's business. An import is an operation (operations.ts) that leaves steps behind.
 *
 *   submit   1. the caller has found the sources and noted their etags
 *            2. create-only put of `request` under a token that begins with the time
 *            3. a hint to the queue
 *   cancel   create-only put of `cancel`; whoever works on it, or comes next, ends it there
 *
 * If we crash after submit 2, whoever polls or the cron sends the hint.
 */
import { encodeHex } from "./bytes/hex.ts";
import { beforeFirstStep, type ImportStep, openImportStep } from "./format/import-step.ts";
import { sealOperationClaim } from "./format/operation.ts";
import { importLimits } from "./import-limits.ts";
import {
  type Operation,
  type OperationState,
  putFirst,
  readOperation,
  storeRequest,
} from "./operations.ts";
import type { Ports } from "./ports.ts";
import {
  importCancelKey,
  importStepKey,
  importStepPrefix,
  importsOfPrefix,
  numberOfImportStepKey,
  operationOfKey,
  operationRoot,
} from "./store/keys.ts";
import { eachObject } from "./store/many-objects.ts";

/** Hex digits of a token that are the time, in ms: lists come in the order of requests. */
const timeDigits = 12;

export interface ImportPlace extends Operation {
  /** Name of the namespace. */
  readonly into: string;
}

export interface ImportState {
  readonly place: ImportPlace;
  readonly operation: OperationState;
  /** What was asked for. */
  readonly body: Uint8Array;
  readonly createdMs: number;
  readonly step: ImportStep;
  readonly isCancelled: boolean;
}

/** Returns where it lies. `body`: whatever its reader wants to know. */
export async function submitImport(
  ports: Ports,
  tenant: string,
  into: string,
  body: Uint8Array,
): Promise<ImportPlace> {
  const createdMs = Math.floor(ports.clock.now());
  const time = createdMs.toString(16).padStart(timeDigits, "0");
  const token = time + encodeHex(ports.random.bytes(16)).slice(timeDigits);
  const place = { tenant, token, into };
  await storeRequest(ports, place, { kind: "import", name: into, createdMs, pin: undefined, body });
  return place;
}

/** Undefined if there is none, or it expired. */
export async function readImport(
  ports: Ports,
  place: ImportPlace,
): Promise<ImportState | undefined> {
  const operation = await readOperation(ports, place);
  if (operation === undefined) return undefined;
  const [step, cancelled] = await Promise.all([
    readNewestStep(ports, place),
    ports.store.head(importCancelKey(place)),
  ]);
  const { body, createdMs } = operation.request;
  return { place, operation, body, createdMs, step, isCancelled: cancelled !== undefined };
}

/** Tokens of the imports into a namespace, in the order they were asked for. */
export async function listImports(
  { store }: Ports,
  tenant: string,
  into: string,
  after: string | undefined,
): Promise<{ readonly tokens: readonly string[]; readonly more: boolean }> {
  const prefix = importsOfPrefix(tenant, into);
  const tokens: string[] = [];
  let from = after === undefined ? undefined : `${prefix}${after}/~`;
  // Each has any number of objects; one request finds the next import behind them.
  for (;;) {
    const page = await store.list(prefix, {
      limit: 1,
      ...(from === undefined ? {} : { after: from }),
    });
    const token = page.objects[0] && operationOfKey(page.objects[0].key)?.place.token;
    if (token === undefined) return { tokens, more: false };
    if (tokens.length === importLimits.page) return { tokens, more: true };
    tokens.push(token);
    from = `${operationRoot({ tenant, token, into })}~`;
  }
}

/** Whether there is such an import that can still be cancelled is for the caller to know. */
export async function cancelImport(ports: Ports, place: ImportPlace): Promise<void> {
  const worker = new Uint8Array(16);
  const mark = await sealOperationClaim({ attempt: 0, worker, untilMs: 0 }, ports.digest);
  await putFirst(ports, importCancelKey(place), mark);
}

export async function readNewestStep(ports: Ports, place: Operation): Promise<ImportStep> {
  let number = 0;
  await eachObject(ports.store, importStepPrefix(place), ({ key }) => {
    number = numberOfImportStepKey(key) ?? number;
    return "more";
  });
  return number === 0 ? beforeFirstStep : await readStep(ports, place, number);
}

/** The rows that were refused, as lines of JSON, a step at a time. */
export async function* rejectedRows(
  ports: Ports,
  place: Operation,
  { rejecting }: ImportStep,
): AsyncGenerator<Uint8Array> {
  for (const number of rejecting) {
    yield (await readStep(ports, place, number)).rejected;
  }
}

async function readStep(
  { store, digest }: Ports,
  place: Operation,
  number: number,
): Promise<ImportStep> {
  const stored = await store.get(importStepKey(place, number));
  return stored === undefined
    ? beforeFirstStep
    : await openImportStep(stored.bytes, number, digest);
}
