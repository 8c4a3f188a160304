/**
 * What the platform charges for work, at list prices: those of Cloudflare's paid plan, read in
 * November 2026, beyond what the plan includes. CPU time and the time that objects are awake are
 * charged too, and are not here: a Worker cannot see how much it has used.
 */
import type { WorkUsage } from "../src/namespace/usage-history.ts";
import type { Usage } from "./platform/usage-meter.ts";

/** Dollars for a million. */
export const prices = {
  /** Gets and heads. Deletes are free. */
  storeReads: 0.36,
  /** Puts and lists. */
  storeWrites: 4.5,
  cpuMs: 0.02,
  workerRequests: 0.3,
  objectCalls: 0.15,
  /** Rows written, an alarm that is set being one. */
  objectWrites: 1,
  /** Three operations: written, read and deleted. */
  queueMessages: 1.2,
} as const;

export interface Cost {
  readonly storeReads: number;
  readonly storeWrites: number;
  readonly storeDeletes: number;
  readonly objectCalls: number;
  readonly queueMessages: number;
  readonly workerRequests: number;
  readonly dollars: number;
}

/** `workerRequests`: how often the Worker was called for it. */
export function costOf(usage: Usage, workerRequests: number): Cost {
  const storeReads = usage.get + usage.head;
  const storeWrites = usage.put + usage.list;
  const { objectCalls, queueMessages } = usage;
  const millionths =
    storeReads * prices.storeReads +
    storeWrites * prices.storeWrites +
    objectCalls * prices.objectCalls +
    usage.objectWrites * prices.objectWrites +
    queueMessages * prices.queueMessages +
    workerRequests * prices.workerRequests;
  return {
    storeReads,
    storeWrites,
    storeDeletes: usage.delete,
    objectCalls,
    queueMessages,
    workerRequests,
    dollars: dollarsOf(millionths),
  };
}

/**
 * Dollars for work behind requests, as far as a namespace is told of it: without what its object
 * writes to its storage and sends to the queue, and without the call of the Worker, which may have
 * worked for others too.
 */
export function costOfWork({ reads, writes, objectCalls }: WorkUsage): number {
  return dollarsOf(
    reads * prices.storeReads + writes * prices.storeWrites + objectCalls * prices.objectCalls,
  );
}

/** To a millionth of a millionth: more digits would be the arithmetic's. */
function dollarsOf(millionths: number): number {
  return Math.round(millionths * 1e6) / 1e12;
}
