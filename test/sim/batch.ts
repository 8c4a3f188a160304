/** Runs many worlds and sums up what happened in them. */
import { type Branch, branches, type FaultKind, faultKinds } from "./faults.ts";
import { runSeed, type SeedOptions, type SeedResult } from "./world.ts";

export interface BatchOptions {
  readonly seeds: number;
  /** The first seed. */
  readonly seed: number;
  readonly operations: number;
  readonly mode: SeedOptions["mode"];
  readonly onSeed?: (result: SeedResult) => void;
}

export interface BatchSummary {
  readonly sim: "summary";
  readonly seeds: number;
  /** Requests of clients: writes, reads, deletions and so on, repetitions and pages included. */
  readonly operations: number;
  readonly acknowledged: number;
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  readonly branches: Readonly<Partial<Record<Branch, number>>>;
  /** Kinds of faults and turns of the protocol that never happened in the whole batch. */
  readonly unfired: readonly string[];
  readonly violations: number;
  readonly events: number;
  readonly simulated_hours: number;
  /** Those of worlds that were run again are counted here. */
  readonly operations_per_second: number;
}

/** Every so many seeds one is run twice: the same seed must be the same run. */
const repeatEvery = 25;

export async function runBatch(options: BatchOptions): Promise<BatchSummary> {
  const { seeds, operations, mode, onSeed } = options;
  const startedMs = performance.now();
  const counts = new Map<string, number>();
  const total = { operations: 0, repeated: 0, acknowledged: 0, events: 0, violations: 0, ms: 0 };
  for (let seed = options.seed; seed < options.seed + seeds; seed++) {
    let result = await withoutStacks(() => runSeed({ seed, operations, mode }));
    if (seed % repeatEvery === 0 || result.violations.length > 0) {
      result = await repeat(result, { seed, operations, mode });
      total.repeated += result.operations;
    }
    for (const [kind, count] of result.counts) counts.set(kind, (counts.get(kind) ?? 0) + count);
    total.operations += result.operations;
    total.acknowledged += result.acknowledged;
    total.events += result.events;
    total.ms += result.simulatedMs;
    total.violations += result.violations.length;
    onSeed?.(result);
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  return {
    sim: "summary",
    seeds,
    operations: total.operations,
    acknowledged: total.acknowledged,
    faults: pick(faultKinds, counts),
    branches: pick(branches, counts),
    unfired: [...faultKinds, ...branchesOf(mode)].filter((kind) => !counts.has(kind)),
    violations: total.violations,
    events: total.events,
    simulated_hours: Math.round(total.ms / 3_600_000),
    operations_per_second: Math.round((total.operations + total.repeated) / seconds),
  };
}

/** Orphans are counted while a world comes to rest. */
function branchesOf(mode: SeedOptions["mode"]): readonly Branch[] {
  return branches.filter((branch) => mode !== "safety" || branch !== "collect: orphans");
}

/** Errors are part of every fault, and where they were made is of interest only in a repetition. */
async function withoutStacks<T>(work: () => Promise<T>): Promise<T> {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return await work();
  } finally {
    Error.stackTraceLimit = before;
  }
}

async function repeat(first: SeedResult, options: SeedOptions): Promise<SeedResult> {
  const second = await runSeed(options);
  if (second.traceHash === first.traceHash) return second;
  const detail = `trace ${first.traceHash} became ${second.traceHash}`;
  const violation = { kind: "not deterministic", detail, atMs: 0 };
  return { ...first, violations: [...first.violations, violation] };
}

function pick<K extends string>(
  kinds: readonly K[],
  counts: ReadonlyMap<string, number>,
): Partial<Record<K, number>> {
  const found: Partial<Record<K, number>> = {};
  for (const kind of kinds) {
    const count = counts.get(kind);
    if (count !== undefined) found[kind] = count;
  }
  return found;
}
