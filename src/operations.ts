/**
 * Asynchronous operations: what takes longer than a request may. A request is stored, a consumer of
 * the queue runs it, and its result is there for a day.
 *
 *   submit  1. the caller pins what the operation reads
 *           2. create-only put of `request` under a random token; the client is told the token
 *           3. a hint to the queue
 *   run     1. a result is there, or no request any more: done
 *           2. the newest claim is alive: somebody works on it. Else create-only put of the next
 *           3. the work, on what was pinned; a claim more every third of a lease. Whoever finds
 *              the next claim taken has lost it, and stops
 *           4. create-only put of `result`: of several workers the first counts. An attempt may
 *              also pause: what it has left behind is where the next one goes on. Attempts are
 *              counted from the last one that left something
 *   expire  a day after the request: request, then claims, then the result (operation-expiry.ts)
 *
 * If we crash after   what is left
 *   submit 1          a pin that ends by itself
 *   submit 2          whoever polls sends a hint once nobody has claimed it for a while; so does
 *                     the cron
 *   run 2, 3          the claim ends, and the next delivery, poll or cron has another attempt made
 *   expire, between   no request and no hint: nothing is run again
 *
 * So a message may be late, lost or delivered many times. Claims save work and decide nothing.
 * Cost of a run: two gets, a list, two puts, and a put every 20 s.
 */
import { encodeHex } from "./bytes/hex.ts";
import { EngineError, type ErrorKind, isEngineError, unavailable } from "./errors.ts";
import type { SealedObject } from "./format/envelope.ts";
import {
  type OperationClaim,
  type OperationRequest,
  type OperationResult,
  openOperationClaim,
  openOperationRequest,
  openOperationResult,
  sealOperationClaim,
  sealOperationRequest,
  sealOperationResult,
} from "./format/operation.ts";
import { limits } from "./limits.ts";
import type { Ports } from "./ports.ts";
import {
  numberOfClaimKey,
  type OperationPlace,
  operationClaimKey,
  operationClaimPrefix,
  operationRequestKey,
  operationResultKey,
} from "./store/keys.ts";
import { eachObject } from "./store/many-objects.ts";
import { putSlot } from "./store/slot.ts";

const beatMs = limits.operationLeaseMs / 3;
const tokenPattern = /^[0-9a-f]{32}$/;

export type Operation = OperationPlace;

// ---- Submitting and polling ---------------------------------------------------------------------

/** Returns the token. Whoever knows it may ask for the result. */
export async function submitOperation(
  ports: Ports,
  tenant: string,
  request: Omit<OperationRequest, "createdMs">,
): Promise<string> {
  const token = encodeHex(ports.random.bytes(16));
  await storeRequest(ports, { tenant, token }, { ...request, createdMs: ports.clock.now() });
  return token;
}

/** Under a token that nobody else has. */
export async function storeRequest(
  ports: Ports,
  operation: Operation,
  request: OperationRequest,
): Promise<void> {
  const sealed = await sealOperationRequest(request, ports.random.bytes(16), ports.digest);
  await putFirst(ports, operationRequestKey(operation), sealed);
}

interface OperationCommon {
  readonly name: string;
  readonly request: OperationRequest;
}

export type OperationState = OperationCommon &
  (
    | { readonly kind: "finished"; readonly result: OperationResult }
    /** Neglected: nobody works on it, and somebody should be told. */
    | { readonly kind: "running"; readonly isNeglected: boolean }
  );

/** Undefined if there is none, or it expired. */
export async function readOperation(
  ports: Ports,
  operation: Operation,
): Promise<OperationState | undefined> {
  if (!tokenPattern.test(operation.token)) {
    return undefined;
  }
  const [request, result] = await Promise.all([
    readRequest(ports, operation),
    readResult(ports, operation),
  ]);
  const now = ports.clock.now();
  const keepMs = operation.into === undefined ? limits.operationKeepMs : Number.POSITIVE_INFINITY;
  if (request === undefined || request.createdMs + keepMs <= now) {
    return undefined;
  }
  const { name, createdMs } = request;
  if (result !== undefined) {
    return { kind: "finished", name, request, result };
  }
  const isOld = createdMs + limits.operationHintMs <= now;
  const isNeglected = isOld && !isAlive((await newestClaim(ports, operation)).claim, now);
  return { kind: "running", name, request, isNeglected };
}

export async function readRequest(
  { store, digest }: Ports,
  operation: Operation,
): Promise<OperationRequest | undefined> {
  const stored = await store.get(operationRequestKey(operation));
  return stored && (await openOperationRequest(stored.bytes, digest));
}

async function readResult(
  { store, digest }: Ports,
  operation: Operation,
): Promise<OperationResult | undefined> {
  const stored = await store.get(operationResultKey(operation));
  return stored && (await openOperationResult(stored.bytes, digest));
}

// ---- Running ------------------------------------------------------------------------------------

/** One attempt at an operation. */
export interface OperationSession {
  run(): Promise<OperationResult | OperationPause>;
  /** The newest attempt that has left something behind which later ones build on; else 0. */
  progressedIn?(): number;
  /** Called now and then while it runs: keeps alive what it reads, or throws. */
  beat(): Promise<void>;
  /** After its result is stored. */
  close(): Promise<void>;
}

/** The attempt has done its share; another goes on from what it has left behind. */
export interface OperationPause {
  readonly kind: "pause";
  readonly afterMs: number;
}

export interface OperationWork {
  open(request: OperationRequest, attempt: number): Promise<OperationSession>;
  /** The result of an operation that failed for good. */
  refuse(error: unknown): Promise<OperationResult>;
}

export type RunOutcome =
  | { readonly kind: "done" }
  /** Somebody works on it, or the attempt failed; a look makes sense after so long. */
  | { readonly kind: "later"; readonly afterMs: number }
  /** Another attempt is wanted: not a repetition of this one. */
  | OperationPause;

const done: RunOutcome = { kind: "done" };

export async function runOperation(
  ports: Ports,
  operation: Operation,
  work: OperationWork,
): Promise<RunOutcome> {
  if ((await ports.store.head(operationResultKey(operation))) !== undefined) {
    return done;
  }
  const request = await readRequest(ports, operation);
  if (request === undefined) {
    return done;
  }
  const lease = await Lease.take(ports, operation);
  if ("kind" in lease) {
    return lease;
  }
  try {
    const session = await work.open(request, lease.attempt);
    const result =
      attemptsWithout(session, lease) > limits.operationAttemptsMax
        ? await work.refuse(unavailable("the operation failed too often"))
        : await attempt(ports, lease, session, work);
    if ("kind" in result) {
      await lease.giveBack();
      return result;
    }
    await storeResult(ports, operation, result);
    await session.close();
    return done;
  } catch (error) {
    ports.log.warn("an operation failed", { ...operation, error: String(error) });
    await lease.giveBack();
    return { kind: "later", afterMs: 1_000 * 2 ** Math.min(lease.attempt, 6) };
  }
}

/** Attempts since the one that left something behind, this one included. */
function attemptsWithout(session: OperationSession, lease: Lease): number {
  return lease.attempt - (session.progressedIn?.() ?? 0);
}

/** Throws what another attempt may cure. */
async function attempt(
  ports: Ports,
  lease: Lease,
  session: OperationSession,
  work: OperationWork,
): Promise<OperationResult | OperationPause> {
  const running = session.run();
  let isOver = false;
  const beating = keepAlive(ports, lease, session, () => isOver);
  // Whichever loses may still fail.
  beating.catch(() => undefined);
  running.catch(() => undefined);
  try {
    return await Promise.race([running, beating]);
  } catch (error) {
    if (!isFinal(error) && attemptsWithout(session, lease) < limits.operationAttemptsMax) {
      throw error;
    }
    return await work.refuse(error);
  } finally {
    isOver = true;
  }
}

/** Never resolves; rejects when the claim or what is read is lost. */
async function keepAlive(
  ports: Ports,
  lease: Lease,
  session: OperationSession,
  isOver: () => boolean,
): Promise<never> {
  for (;;) {
    await ports.clock.sleep(beatMs);
    if (isOver()) {
      return await new Promise<never>(() => {});
    }
    await lease.renew();
    await session.beat();
  }
}

const finalKinds: ReadonlySet<ErrorKind> = new Set([
  "invalid",
  "malformed",
  "tooLarge",
  "forbidden",
  "notFound",
  "conflict",
  "gone",
]);

function isFinal(error: unknown): boolean {
  return isEngineError(error) && finalKinds.has(error.kind);
}

async function storeResult(
  ports: Ports,
  operation: Operation,
  result: OperationResult,
): Promise<void> {
  const sealed = await sealOperationResult(result, ports.random.bytes(16), ports.digest);
  // Whoever was first: all of them ran the same request.
  await putFirst(ports, operationResultKey(operation), sealed);
}

/** Whether it is ours that lies there now. */
export async function putFirst(ports: Ports, key: string, sealed: SealedObject): Promise<boolean> {
  const untilMs = ports.clock.now() + limits.commitDeadlineMs;
  const { kind } = await putSlot(ports, key, sealed, () => {
    if (ports.clock.now() > untilMs) {
      throw unavailable(`${key} cannot be stored`);
    }
  });
  return kind === "ours";
}

// ---- Claims -------------------------------------------------------------------------------------

function isAlive(claim: OperationClaim | undefined, nowMs: number): boolean {
  // A clock that was set back must not make a claim last for ever.
  const leftMs = (claim?.untilMs ?? 0) - nowMs;
  return leftMs > 0 && leftMs <= 2 * limits.operationLeaseMs;
}

interface NewestClaim {
  /** 0 if there is none. */
  readonly number: number;
  readonly claim: OperationClaim | undefined;
}

async function newestClaim({ store, digest }: Ports, operation: Operation): Promise<NewestClaim> {
  let number = 0;
  await eachObject(store, operationClaimPrefix(operation), ({ key }) => {
    number = numberOfClaimKey(key) ?? number;
    return "more";
  });
  const stored = number === 0 ? undefined : await store.get(operationClaimKey(operation, number));
  return { number, claim: stored && (await openOperationClaim(stored.bytes, digest)) };
}

/** The claims of one attempt: a chain of create-only objects, as long as nobody else adds to it. */
class Lease {
  readonly attempt: number;
  readonly #ports: Ports;
  readonly #operation: Operation;
  readonly #worker: Uint8Array;
  #number: number;
  #isLost = false;

  private constructor(ports: Ports, operation: Operation, before: NewestClaim) {
    this.#ports = ports;
    this.#operation = operation;
    this.#worker = ports.random.bytes(16);
    this.#number = before.number;
    this.attempt = (before.claim?.attempt ?? 0) + 1;
  }

  static async take(ports: Ports, operation: Operation): Promise<Lease | RunOutcome> {
    const newest = await newestClaim(ports, operation);
    const now = ports.clock.now();
    if (newest.claim !== undefined && isAlive(newest.claim, now)) {
      return { kind: "later", afterMs: newest.claim.untilMs - now };
    }
    const lease = new Lease(ports, operation, newest);
    const isTaken = await lease.#put(now + limits.operationLeaseMs);
    return isTaken ? lease : { kind: "later", afterMs: limits.operationLeaseMs };
  }

  async renew(): Promise<void> {
    if (!(await this.#put(this.#ports.clock.now() + limits.operationLeaseMs))) {
      this.#isLost = true;
      throw new EngineError("fenced", "somebody else works on the operation");
    }
  }

  /** The next attempt need not wait. */
  async giveBack(): Promise<void> {
    if (!this.#isLost) {
      await this.#put(0).catch(() => false);
    }
  }

  async #put(untilMs: number): Promise<boolean> {
    const claim = { attempt: this.attempt, worker: this.#worker, untilMs };
    const sealed = await sealOperationClaim(claim, this.#ports.digest);
    // Counted once it is certain: going past a slot that may be another's breaks its chain.
    const key = operationClaimKey(this.#operation, this.#number + 1);
    const isOurs = await putFirst(this.#ports, key, sealed);
    this.#number += isOurs ? 1 : 0;
    return isOurs;
  }
}
