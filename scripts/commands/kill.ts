/** `npm run kill`: kills the server under load and proves that nothing acknowledged was lost. */
import { Command } from "commander";
import { type KillRound, runKills } from "../crash/rounds.ts";
import { positiveInteger } from "../options.ts";
import { failed } from "../outcome.ts";

interface Options {
  readonly kills: number;
  readonly clients: number;
  readonly seed: number;
  readonly json: boolean;
}

export function killCommand(): Command {
  return new Command("kill")
    .description("kill -9 the server under load, restart it, and check every acknowledged write")
    .option("--kills <n>", "how often", positiveInteger, 20)
    .option("--clients <n>", "writers at a time", positiveInteger, 8)
    .option("--seed <n>", "of the writes and the moments of the kills", positiveInteger, 1)
    .option("--json", "print lines of JSON, the summary last", false)
    .action(kill);
}

async function kill({ kills, clients, seed, json }: Options): Promise<void> {
  const rounds = await runKills({
    kills,
    clients,
    seed,
    onRound: (round) => report(round, kills, json),
  });
  const summary = summarise(rounds);
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

function summarise(rounds: readonly KillRound[]) {
  const sum = (pick: (round: KillRound) => number): number =>
    rounds.reduce((total, round) => total + pick(round), 0);
  return {
    kill: "summary",
    kills: rounds.length,
    acknowledged: rounds.at(-1)?.acknowledged ?? 0,
    lost: sum(({ lost }) => lost),
    duplicated: sum(({ duplicated }) => duplicated),
    recovery_ms_max: Math.max(0, ...rounds.map((round) => round.recovery_ms)),
    torn: sum(({ torn }) => torn),
    in_doubt: sum((round) => round.in_doubt),
    in_doubt_applied: sum((round) => round.in_doubt_applied),
  } as const;
}

function describeRound(round: KillRound, kills: number): string {
  return (
    `kill ${round.kill}/${kills} after ${round.after_ms} ms: ${round.acknowledged} acknowledged, ` +
    `${round.lost} lost, ${round.duplicated} duplicated, back in ${round.recovery_ms} ms ` +
    `(${round.documents} documents, ${round.segments} segments)`
  );
}

function describeSummary(summary: ReturnType<typeof summarise>): string {
  return (
    `${summary.kills} kills, ${summary.acknowledged} operations acknowledged, ${summary.lost} lost, ` +
    `${summary.duplicated} duplicated, ${summary.torn} torn, ` +
    `back in ${summary.recovery_ms_max} ms at most`
  );
}
