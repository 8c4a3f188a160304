/**
 * Queue consumer and cron of asynchronous operations: runs each on the snapshot that was pinned for
 * it, or on a newer one if that pin is gone; imports, from where they are; ends and expires them.
 * What the steps are, and what a crash leaves, says src/operations.ts.
 */
import { EngineError } from "../src/errors.ts";
import type { OperationRequest, OperationResult } from "../src/format/operation.ts";
import { openImport } from "../src/import-run.ts";
import type { ImportPlace } from "../src/imports.ts";
import { limits } from "../src/limits.ts";
import type { Pin } from "../src/namespace/pins.ts";
import { replyValue } from "../src/namespace/protocol.ts";
import { expireOperations } from "../src/operation-expiry.ts";
import { type OperationSession, type RunOutcome, runOperation } from "../src/operations.ts";
import { pinnedSnapshot } from "../src/pinned.ts";
import type { OperationHint, Ports } from "../src/ports.ts";
import type { SearchPorts } from "../src/search-ports.ts";
import { respondError } from "./api/errors.ts";
import { encodeJsonChunks, type JsonEncodable, parseJson } from "./api/json.ts";
import { operationKinds } from "./api/operation-kinds.ts";
import { openBackground } from "./api/scope.ts";
import { BucketReader } from "./imports/import-reader.ts";
import { parseImportRequest, type StoredImport } from "./imports/import-request.ts";
import { namespaceClient } from "./platform/namespace-client.ts";
import { enginePorts } from "./platform/ports.ts";
import { sendHint } from "./platform/queue.ts";
import { openMeter, type UsageMeter } from "./platform/usage-meter.ts";

export async function runHinted(
  env: Env,
  { tenant, operation: token, into }: OperationHint,
): Promise<RunOutcome> {
  const meter = openMeter("operation");
  const { ports, close } = openBackground(env, meter);
  const place = { tenant, token, ...(into === undefined ? {} : { into }) };
  try {
    return await runOperation(ports, place, {
      open: async (request, attempt) =>
        into === undefined
          ? openSession(env, { ports, meter }, tenant, request)
          : await openImportSession(
              env,
              { ports, meter },
              { tenant, token, into },
              request,
              attempt,
            ),
      refuse: (error) => refusalOf(ports, error),
    });
  } finally {
    await close();
  }
}

interface Counted {
  readonly ports: SearchPorts;
  readonly meter: UsageMeter;
}

async function openImportSession(
  env: Env,
  { ports, meter }: Counted,
  place: ImportPlace,
  { body }: OperationRequest,
  attempt: number,
): Promise<OperationSession> {
  const { tenant, into: name } = place;
  const { asked, sources } = parseJson(body) as unknown as StoredImport;
  const reader = new BucketReader(ports.store, parseImportRequest(asked), sources);
  const target = { tenant, name, owner: namespaceClient(env, tenant, name, meter) };
  return await openImport(ports, { place, target, reader, attempt });
}

function openSession(
  env: Env,
  { ports, meter }: Counted,
  tenant: string,
  { kind, name, body, createdMs, pin: stored }: OperationRequest,
): OperationSession {
  const work = operationKinds.get(kind);
  const read = work?.reads?.(parseJson(body)) ?? name;
  const owner = namespaceClient(env, tenant, read, meter);
  let pin: Pin | undefined;
  const renew = async (id: string) => replyValue(await owner.renewPin(tenant, read, id));
  return {
    run: async () => {
      if (work === undefined) {
        throw new EngineError("unavailable", `operation ${kind} is not known here`);
      }
      const held = stored === undefined ? undefined : await renew(stored.id);
      pin = held ?? replyValue(await owner.pin(tenant, read));
      const snapshot = await pinnedSnapshot(ports, tenant, pin).catch(pinLost);
      const question = {
        ports,
        pin,
        target: { tenant, name: read, owner, snapshot },
        owner: (of: string) => namespaceClient(env, tenant, of, meter),
        elapsedMs: () => Math.max(1, Math.ceil(ports.clock.now() - createdMs)),
      };
      const rendered = await work.answer(question, parseJson(body)).catch(pinLost);
      return { status: 200, body: gather(rendered) };
    },
    beat: async () => {
      if (pin !== undefined && (await renew(pin.id)) === undefined) {
        throw new EngineError("unavailable", "what the operation reads was not kept");
      }
    },
    close: async () => {
      const id = pin?.id ?? stored?.id;
      if (id !== undefined) await owner.releasePin(tenant, read, id);
    },
  };
}

/** Something that was pinned is gone: not the client's mistake, and another attempt pins anew. */
function pinLost(error: unknown): never {
  if (error instanceof EngineError && error.kind === "notFound") {
    throw new EngineError("unavailable", "what the operation reads was not kept", { cause: error });
  }
  throw error;
}

function gather(answer: JsonEncodable): Uint8Array {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (const chunk of encodeJsonChunks(answer)) {
    bytes += chunk.length;
    if (bytes > limits.operationResultBytesMax) {
      const text = `💔 the answer has more than ${limits.operationResultBytesMax} bytes; ask for less`;
      throw new EngineError("tooLarge", text);
    }
    chunks.push(chunk);
  }
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** As the route would have answered. */
async function refusalOf({ log }: Ports, error: unknown): Promise<OperationResult> {
  const request = new Request("https://shoal.invalid/operation", {
    headers: { "accept-encoding": "identity" },
  });
  const response = respondError(request, error, log);
  return { status: response.status, body: new Uint8Array(await response.arrayBuffer()) };
}

/** Expires what is old, and asks again for what waits. */
export async function sweepOperations(env: Env, meter: UsageMeter, tenant: string): Promise<void> {
  for (const operation of await expireOperations(enginePorts(env, meter), tenant)) {
    const { token, into } = operation;
    const hint = { tenant, operation: token, ...(into === undefined ? {} : { into }) };
    await sendHint(env, meter, hint);
  }
}
