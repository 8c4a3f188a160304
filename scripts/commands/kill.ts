/** `npm run kill`: kills the server under load and proves that nothing acknowledged was lost. */
import { Command } from "commander";
import { type KillResult, type KillRound, runKills } from "../crash/rounds.ts";
import { positiveInteger } from "../options.ts";
import { failed } from "../outcome.ts";
import { mean, quantile, round } from "../quantiles.ts";

interface Options {
  readonly kills: number;
  readonly clients: number;
  readonly seed: number;
  readonly unflushed: number;
  readonly wipe: boolean;
  readonly json: boolean;
}

const help = `
Each round writes for up to 3 s, ends the server's process group with SIGKILL, starts a new server
on the same state and reads every document back with strong queries. Recovery is the time from the
moment the new socket accepts a connection to the first strong answer. After the last round
everything is indexed and read back once more.

--unflushed takes the consumer off the queue, as if the compactor were down, so that nothing is
indexed, and sends that many writes of one document, each after the answer to the one before: one
log entry each, ten a second. The consumer is back for the last reading.`;

export function killCommand(): Command {
  return new Command("kill")
    .description("kill -9 the server under load, restart it, and check every acknowledged write")
    .option("--kills <n>", "how often", positiveInteger, 20)
    .option("--clients <n>", "writers at a time", positiveInteger, 8)
    .option(
      "--unflushed <n>",
      "log entries that wait to be indexed at every kill",
      positiveInteger,
      0,
    )
    .option("--wipe", "remove what the Durable Objects stored at every kill, too", false)
    .option("--seed <n>", "of the writes and the moments of the kills", positiveInteger, 1)
    .option("--json", "print lines of JSON, the summary last", false)
    .addHelpText("after", help)
    .action(kill);
}

async function kill({ json, ...options }: Options): Promise<void> {
  const { kills, seed } = options;
  const startedMs = performance.now();
  const result = await runKills({
    ...options,
    onTail: (entries) => console.error(`${entries} entries wait to be indexed`),
    onRound: (round) => report(round, kills, json),
  });
  const summary = summarise(result, options, performance.now() - startedMs);
  for (const complaint of result.end.complaints) console.error(`  ${complaint}`);
  console.log(json ? JSON.stringify(summary) : describeSummary(summary));
  const { lost, duplicated, torn } = summary;
  if (lost + duplicated + torn > 0) throw failed(`It did not hold (seed ${seed}).`);
}

function report(round: KillRound, kills: number, json: boolean): void {
  const { complaints, ...counts } = round;
  if (json) console.log(JSON.stringify(counts));
  else console.error(describeRound(round, kills));
  for (const complaint of complaints) console.error(`  ${complaint}`);
}

function summarise({ rounds, end }: KillResult, { wipe }: Pick<Options, "wipe">, tookMs: number) {
  const inspections = [...rounds, end];
  const sum = (pick: (of: KillResult["end"]) => number): number =>
    inspections.reduce((total, inspection) => total + pick(inspection), 0);
  const recoveries = rounds.map((round) => round.recovery_ms);
  return {
    kill: "summary",
    kills: rounds.length,
    acknowledged: end.acknowledged,
    lost: sum(({ lost }) => lost),
    duplicated: sum(({ duplicated }) => duplicated),
    recovery_ms_max: Math.max(0, ...recoveries),
    recovery_ms_p99: quantile(recoveries, 0.99),
    torn: sum(({ torn }) => torn),
    in_doubt: sum((each) => each.in_doubt),
    in_doubt_applied: sum((each) => each.in_doubt_applied),
    /** The shortest and longest tail that a new server found. */
    unflushed_min: Math.min(...rounds.map(({ unflushed }) => unflushed)),
    unflushed_max: Math.max(...rounds.map(({ unflushed }) => unflushed)),
    wiped: wipe ? rounds.length : 0,
    documents: end.documents,
    seconds_per_kill: round(mean(rounds.map((each) => each.round_ms)) / 1_000, 2),
    seconds: round(tookMs / 1_000, 1),
  } as const;
}

function describeRound(round: KillRound, kills: number): string {
  return (
    `kill ${round.kill}/${kills} after ${round.after_ms} ms: ${round.acknowledged} acknowledged, ` +
    `${round.lost} lost, ${round.duplicated} duplicated, back in ${round.recovery_ms} ms ` +
    `(${round.documents} documents, ${round.segments} segments, ${round.unflushed} entries)`
  );
}

function describeSummary(summary: ReturnType<typeof summarise>): string {
  return (
    `${summary.kills} kills, ${summary.acknowledged} operations acknowledged, ${summary.lost} lost, ` +
    `${summary.duplicated} duplicated, ${summary.torn} torn, ` +
    `back in ${summary.recovery_ms_max} ms at most, ${summary.seconds_per_kill} s a kill`
  );
}
