/**
 * `npm run conformance`: whether a bucket keeps the promises that Shoal relies on. The cases are
 * those of the tests (test/conformance/). Without options they run on a bucket of their own on this
 * machine.
 *
 * Everything is written below `conformance/<random>/` and removed in the end.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import type { ObjectStore } from "../../src/store/object-store.ts";
import { type BindingUnderTest, bucketCases } from "../../test/conformance/store/bucket-cases.ts";
import type { CaseContext, Report, StoreCase } from "../../test/conformance/store/case.ts";
import { keysOf } from "../../test/conformance/store/case.ts";
import { storeCases } from "../../test/conformance/store/cases.ts";
import { sha256 } from "../../workers/platform/digest.ts";
import { R2Store } from "../../workers/platform/r2-store.ts";
import { type Bucket, bucketOptions, openBucket } from "../bucket.ts";
import { positiveInteger } from "../options.ts";
import { failed } from "../outcome.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";

interface Options {
  /** Undefined: a bucket that does not outlive the command. */
  readonly state: string | undefined;
  readonly remote: boolean;
  readonly racers: number;
  readonly keys: number;
  readonly lateMs: number;
  readonly json: boolean;
}

type Outcome = "passed" | "failed";

/** Clocks of a bucket far away and of this machine. */
const skewMs = 60_000;
/** A bucket of Cloudflare takes about one write of a key a second. */
const remoteRewriteMs = 1_200;
const deletedAtOnce = 1_000;

export function conformanceCommand(): Command {
  const command = new Command("conformance")
    .description("check that a bucket keeps every promise that the database relies on")
    .option("--racers <n>", "puts that race for one key", positiveInteger, 50)
    .option(
      "--keys <n>",
      "keys raced for, or written and read back, in a case",
      positiveInteger,
      20,
    )
    .option("--late-ms <n>", "how long to look for puts that land late", positiveInteger, 2_000)
    .option("--json", "print lines of JSON, the summary last", false);
  for (const option of bucketOptions()) {
    // Nobody's state unless named: this command writes.
    command.addOption(option.attributeName() === "state" ? option.default(undefined) : option);
  }
  return command.action(conform);
}

async function conform(options: Options): Promise<void> {
  const { state, remote } = options;
  const run = async (folder: string): Promise<void> => {
    const bucket = await openBucket({ state: folder, remote }, { writes: true });
    try {
      await runOn(bucket, options);
    } finally {
      await bucket.close();
    }
  };
  if (remote || state !== undefined) {
    await run(state ?? "");
    return;
  }
  await withTemporaryFolder("conformance", async (folder) => {
    await mkdir(join(folder, "r2"));
    await run(folder);
  });
}

async function runOn({ binding, store: patient, place }: Bucket, options: Options): Promise<void> {
  const { remote, racers, keys, lateMs, json } = options;
  const root = `conformance/${randomBytes(8).toString("hex")}/`;
  console.error(`${place}, below ${root}`);
  const context: Omit<CaseContext, "prefix"> = {
    // Without retries, so that a refusal is seen.
    store: new R2Store(binding),
    digest: sha256,
    nowMs: () => Date.now(),
    sleep: (ms) => sleep(ms),
    sizes: { racers, keys, lateMs },
    skewMs,
    rewriteMs: remote ? remoteRewriteMs : 0,
  };
  const md5 = async (bytes: Uint8Array) => createHash("md5").update(bytes).digest();
  // The same binding; the types of Node's streams and of the Workers runtime's differ.
  const bound = binding as unknown as BindingUnderTest;
  const cases = [...storeCases, ...bucketCases({ binding: bound, md5 })];
  const counts = { passed: 0, failed: 0 };
  const reported: Record<string, Report> = {};
  try {
    for (const [i, each] of cases.entries()) {
      const result = await runCase(each, { ...context, prefix: `${root}${i}/` });
      counts[result.outcome] += 1;
      if (result.report !== undefined) reported[nameOf(each)] = result.report;
      print(each, result, json);
    }
  } finally {
    await removeAll(patient, root);
  }
  const summary = { conformance: "summary", cases: cases.length, ...counts, reported };
  console.log(json ? JSON.stringify(summary) : `${counts.passed} of ${cases.length} cases passed`);
  if (counts.failed > 0) throw failed(`${counts.failed} of ${cases.length} cases failed.`);
}

interface CaseResult {
  readonly outcome: Outcome;
  readonly report?: Report;
  readonly error?: string;
  readonly ms: number;
}

async function runCase(each: StoreCase, context: CaseContext): Promise<CaseResult> {
  const startedMs = performance.now();
  const elapsed = (): number => Math.round(performance.now() - startedMs);
  try {
    const report = await each.run(context);
    return { outcome: "passed", ms: elapsed(), ...(report === undefined ? {} : { report }) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { outcome: "failed", ms: elapsed(), error: message };
  }
}

function nameOf({ group, title }: StoreCase): string {
  return `${group}: ${title}`;
}

function print(each: StoreCase, { outcome, report, error, ms }: CaseResult, json: boolean): void {
  if (json) {
    console.log(JSON.stringify({ conformance: nameOf(each), outcome, ms, ...report, error }));
    return;
  }
  const told = report === undefined ? "" : ` ${JSON.stringify(report)}`;
  console.log(`${outcome} ${nameOf(each)}${told}${error === undefined ? "" : `\n  ${error}`}`);
}

async function removeAll(store: ObjectStore, root: string): Promise<void> {
  const keys = await keysOf(store, root);
  for (let at = 0; at < keys.length; at += deletedAtOnce) {
    await store.delete(keys.slice(at, at + deletedAtOnce));
  }
}
