/**
 * `shoal deploy`: from an account to a first key, step by step. Without --run it says what it would
 * do. With it every step is a command of wrangler, shown before it runs and left out if what it
 * makes is there already; the first one that fails ends it, and the next run goes on from there.
 */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { Command } from "commander";
import { unstable_readConfig } from "wrangler";
import { newApiKey } from "../local-key.ts";
import { cannotRun, failed } from "../outcome.ts";
import { writeLogin } from "./connection.ts";
import { say } from "./output.ts";

const root = dirname(dirname(import.meta.dirname));

interface Options {
  readonly run: boolean;
  readonly key: boolean;
  readonly wrangler: string;
}

interface Step {
  readonly about: string;
  readonly args: readonly string[];
  /** Output that means: it is there already. */
  readonly exists?: RegExp;
  readonly input?: string;
  readonly onDone?: (output: string) => void;
}

/** What of wrangler.toml has to be made before a deployment. */
interface Bindings {
  readonly r2_buckets: readonly { readonly bucket_name?: string }[];
  readonly queues: {
    readonly producers?: readonly { readonly queue: string }[];
    readonly consumers?: readonly { readonly queue: string }[];
  };
}

export function deployCommand(): Command {
  return new Command("deploy")
    .description("make bucket and queues in your account, deploy, and make the first key")
    .option("--run", "do it; otherwise only say what would be done", false)
    .option("--no-key", "leave the keys of the deployment as they are")
    .option("--wrangler <path>", "its program", join(root, "node_modules", ".bin", "wrangler"))
    .action(deploy);
}

function deploy(options: Options): void {
  const deployed: { url?: string } = {};
  const key = options.key ? newApiKey() : undefined;
  const steps = stepsOf(key, (output) => {
    const url = /https:\/\/\S+\.workers\.dev/.exec(output)?.[0];
    if (url !== undefined) deployed.url = url;
  });
  if (!options.run) {
    explainSteps(steps);
    return;
  }
  const account = wrangle(options.wrangler, ["whoami"], undefined);
  if (account.status !== 0 || /not authenticated/i.test(outputOf(account))) {
    throw cannotRun("Log in first: npx wrangler login");
  }
  for (const [index, step] of steps.entries()) {
    say(`${index + 1}/${steps.length} ${step.about}`);
    runStep(options.wrangler, step);
  }
  finish(key, deployed.url);
}

function explainSteps(steps: readonly Step[]): void {
  console.log("An account with Workers (paid plan), R2 and Queues is needed. Then:\n");
  const login = { about: "Log in", args: ["login"] };
  for (const [index, { about, args }] of [login, ...steps].entries()) {
    console.log(`${index + 1}. ${about}\n     npx wrangler ${args.join(" ")}`);
  }
  console.log(
    "\n`shoal deploy --run` does all but the login, and leaves out what is there already.",
  );
}

function stepsOf(key: string | undefined, onDeployed: (output: string) => void): readonly Step[] {
  const file = { config: join(root, "wrangler.toml") };
  const config: Bindings = unstable_readConfig(file, { hideWarnings: true });
  const { r2_buckets: buckets, queues } = config;
  const queueNames = new Set([
    ...(queues.producers ?? []).map(({ queue }) => queue),
    ...(queues.consumers ?? []).map(({ queue }) => queue),
  ]);
  const exists = /already (exists|owned|taken)|already own|\b(10004|11009)\b/i;
  return [
    ...buckets.map(({ bucket_name: name }) => ({
      about: `Make the bucket ${name}`,
      args: ["r2", "bucket", "create", name ?? ""],
      exists,
    })),
    ...[...queueNames].map((name) => ({
      about: `Make the queue ${name}`,
      args: ["queues", "create", name],
      exists,
    })),
    { about: "Deploy the Worker", args: ["deploy"], onDone: onDeployed },
    ...(key === undefined
      ? []
      : [
          {
            about: "Keep the first key as a secret (this replaces earlier keys of the deployment)",
            args: ["secret", "put", "SHOAL_API_KEYS"],
            input: key,
          },
        ]),
  ];
}

function runStep(wrangler: string, { args, exists, input, onDone }: Step): void {
  const result = wrangle(wrangler, args, input);
  const output = outputOf(result);
  if (result.status !== 0 && exists?.test(output) !== true) {
    throw failed(`wrangler ${args.join(" ")} did not succeed:\n\n${output.trim()}`);
  }
  if (result.status !== 0) say("    is there already");
  onDone?.(output);
}

function wrangle(
  wrangler: string,
  args: readonly string[],
  input: string | undefined,
): SpawnSyncReturns<string> {
  const result = spawnSync(wrangler, args, { cwd: root, encoding: "utf8", input: input ?? "" });
  if (result.error !== undefined) throw cannotRun(`Cannot run wrangler: ${result.error.message}`);
  return result;
}

function outputOf({ stdout, stderr }: SpawnSyncReturns<string>): string {
  return `${stdout}\n${stderr}`;
}

function finish(key: string | undefined, url: string | undefined): void {
  if (key === undefined) {
    console.log(`Deployed${url === undefined ? "" : ` to ${url}`}.`);
    return;
  }
  console.log(`The first key, not shown again: ${key}`);
  if (url === undefined) return;
  writeLogin({ url, apiKey: key });
  console.log(`Deployed to ${url}, and logged in. Try: shoal doctor`);
}
