/**
 * `shoal costs`: what a load would cost a month, at list prices beyond what the plan includes.
 * Plain sums of what docs/costs.md lists; what work has really cost is in every answer.
 */
import { Command } from "commander";
import { limits } from "../../src/limits.ts";
import { prices } from "../../workers/prices.ts";
import { positiveInteger } from "../options.ts";
import { printJson, printTable } from "./output.ts";

/** A GB and month, in dollars; the first 10 GB are free. */
const storagePrice = 0.015;
const plan = 5;
/**
 * An object that is awake all month, at 12.50 dollars for a million GB-s, charged as 128 MB. A call
 * keeps it awake for at most so long; all calls within it share that.
 */
const awake = { month: 4.15, seconds: 30.4 * 86_400, secondsOfCall: 10 };

interface Options {
  readonly rows: number;
  readonly dimensions: number;
  readonly bytesPerRow: number;
  readonly writesPerMonth: number;
  readonly rowsPerWrite: number;
  readonly queriesPerMonth: number;
  readonly cold: number;
  readonly coldReads: number;
  readonly json: boolean;
}

/** Dollars a month, by what they are for. */
export interface MonthlyCost {
  readonly storage: number;
  readonly writes: number;
  readonly indexing: number;
  readonly queries: number;
  /** Time the namespace's object is awake, at most. */
  readonly awake: number;
}

const flushRows = 5_000;
const partBytes = 16 * 1024 * 1024;
/** f32 for exact answers, 8 bits to refine, 1 bit and a little to scan. */
const bytesPerDimension = 5.2;
const rowBytes = 60;
const cpuMs = { warm: 7, cold: 33, write: 2, indexedRow: 0.2 };

export function estimateCost(load: Omit<Options, "json">): MonthlyCost {
  const { rows, dimensions, bytesPerRow, writesPerMonth, rowsPerWrite } = load;
  const { queriesPerMonth, cold, coldReads } = load;
  const perRow = dimensions * bytesPerDimension + bytesPerRow + rowBytes;
  const { storeReads, storeWrites, workerRequests, objectCalls, objectWrites } = prices;
  const calls = workerRequests + objectCalls + storeWrites + 2 * objectWrites;
  const write = calls + cpuMs.write * prices.cpuMs;
  const written = writesPerMonth * rowsPerWrite;
  const levels = Math.max(1, Math.log(Math.max(rows, 1) / flushRows) / Math.log(limits.mergeFanIn));
  const flushes = Math.max(written / flushRows, written > 0 ? 1 : 0);
  const merged = (levels * written * perRow) / partBytes;
  const jobs = flushes * (6 * storeWrites + 4 * storeReads + 6 * objectCalls);
  const parts = merged * (storeWrites + storeReads);
  const indexCpu = written * (1 + levels) * cpuMs.indexedRow * prices.cpuMs;
  const query =
    workerRequests +
    objectCalls +
    cold * coldReads * storeReads +
    (cold * cpuMs.cold + (1 - cold) * cpuMs.warm) * prices.cpuMs;
  return {
    storage: ((rows * perRow) / 1e9) * storagePrice,
    writes: (writesPerMonth * write) / 1e6,
    indexing: (jobs + parts + indexCpu) / 1e6,
    queries: (queriesPerMonth * query) / 1e6,
    awake:
      awake.month *
      Math.min(1, ((writesPerMonth + queriesPerMonth) * awake.secondsOfCall) / awake.seconds),
  };
}

function share(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 1)) throw new Error("--cold must be between 0 and 1");
  return value;
}

export function costsCommand(): Command {
  return new Command("costs")
    .description("estimate what a load costs a month, at list prices")
    .option("--rows <n>", "documents that are kept", positiveInteger, 1_000_000)
    .option("--dimensions <n>", "of their vectors", Number, 768)
    .option("--bytes-per-row <n>", "of their attributes", Number, 500)
    .option("--writes-per-month <n>", "requests", Number, 100_000)
    .option("--rows-per-write <n>", "documents of each", Number, 50)
    .option("--queries-per-month <n>", "requests", Number, 1_000_000)
    .option("--cold <share>", "of them, that find no cache", share, 0.05)
    .option("--cold-reads <n>", "requests to the bucket of such a query", Number, 20)
    .option("--json", "print JSON", false)
    .action((options: Options) => {
      const cost = estimateCost(options);
      const total = Object.values(cost).reduce((sum: number, each: number) => sum + each, 0);
      if (options.json) {
        printJson({ ...cost, total, plan });
        return;
      }
      const lines = Object.entries(cost).map(([name, dollars]) => [name, dollars.toFixed(2)]);
      printTable(["dollars", "a month"], [...lines, ["together", total.toFixed(2)]]);
      console.error(`Beyond the plan of ${plan} dollars a month and what it includes.`);
    });
}
