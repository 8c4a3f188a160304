/** `npm run fuzz`: bad requests, which must be refused clearly, at once and without a trace. */
import { Command } from "commander";
import { type Finding, type FuzzTotals, runFuzz, slowMs } from "../fuzz/run.ts";
import { spawnShoal } from "../miniflare.ts";
import { positiveInteger } from "../options.ts";
import { failed } from "../outcome.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";

interface Options {
  readonly requests: number;
  readonly seed: number;
  readonly from: number;
  readonly json: boolean;
}

const help = `
Requests are made from the server's own OpenAPI document: valid ones, with something wrong in the
body (values, keys, nesting), its bytes, its compression, the path or the headers. A request that is
refused must be refused with 4xx and a reason, within ${slowMs / 1_000} s, and leave everything as it was.
A finding names the number of its request: --from <number> --requests 1 sends it alone.`;

export function fuzzCommand(): Command {
  return new Command("fuzz")
    .description("send bad requests to the bundled Worker and watch what they do")
    .option("--requests <n>", "how many", positiveInteger, 2_000)
    .option("--seed <n>", "of the requests", positiveInteger, 1)
    .option("--from <n>", "number of the first", positiveInteger, 1)
    .option("--json", "print lines of JSON, the summary last", false)
    .addHelpText("after", help)
    .action(fuzz);
}

const progressEvery = 1_000;

async function fuzz({ json, ...options }: Options): Promise<void> {
  const startedMs = performance.now();
  const report = (finding: Finding): void => {
    if (json) console.log(JSON.stringify({ fuzz: "finding", ...finding }));
    else console.error(`${finding.kind} ${finding.status} ${finding.request}\n  ${finding.detail}`);
  };
  const totals = await withTemporaryFolder("fuzz", async (stateDir) => {
    const server = await spawnShoal({ stateDir });
    try {
      return await runFuzz({
        ...options,
        server,
        onFinding: report,
        onProgress: (done) => {
          if (done % progressEvery === 0) console.error(`${done} of ${options.requests} requests`);
        },
      });
    } finally {
      await server.stop();
    }
  });
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
  console.log(json ? JSON.stringify(summarise(totals, options.seed, seconds)) : describe(totals));
  const { server_errors: errors, unclear, slow, state_changes: changes } = totals;
  if (errors + unclear + slow + changes > 0)
    throw failed("Not all were refused as they should be.");
}

function summarise({ statuses, endpoints, ...totals }: FuzzTotals, seed: number, seconds: number) {
  const reached = Object.keys(endpoints).length;
  return { fuzz: "summary", ...totals, statuses, endpoints: reached, seed, seconds } as const;
}

function describe(totals: FuzzTotals): string {
  return (
    `${totals.requests} requests, ${totals.refused} refused, ${totals.accepted} accepted: ` +
    `${totals.server_errors} server errors, ${totals.unclear} unclear, ${totals.slow} slow, ` +
    `${totals.state_changes} changed what they should not`
  );
}
