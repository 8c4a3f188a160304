/** `npm run scrub -- NAMESPACE`: verifies everything of a namespace that lies in the bucket. */
import { Command } from "commander";
import { sha256 } from "../../workers/platform/digest.ts";
import { type BucketSource, bucketOptions, openBucket } from "../bucket.ts";
import { cannotRun, failed } from "../outcome.ts";
import { Ledger } from "../scrub/ledger.ts";
import { scrubNamespace } from "../scrub/scrub.ts";

interface Options extends BucketSource {
  readonly tenant: string;
  readonly json: boolean;
}

export function scrubCommand(): Command {
  const command = new Command("scrub")
    .description("verify every digest, chain and count of a namespace, and report in words")
    .argument("<namespace>", "its name")
    .option("--tenant <name>", "whose it is", "default")
    .option("--json", "print lines of JSON, the summary last", false);
  for (const option of bucketOptions()) command.addOption(option);
  return command.action(scrub);
}

async function scrub(name: string, options: Options): Promise<void> {
  const bucket = await openBucket(options);
  try {
    const progress = progressOf();
    const ledger = new Ledger(bucket.store, sha256, progress.say);
    const exists = await scrubNamespace(ledger, options.tenant, name, Date.now());
    progress.clear();
    if (!exists) throw cannotRun(`There is no namespace ${name} in ${bucket.place}.`);
    if (options.json) printJson(name, ledger);
    else console.log(describe(name, ledger).join("\n"));
    if (ledger.faults.length > 0) throw failed(`${ledger.faults.length} faults.`);
  } finally {
    await bucket.close();
  }
}

function printJson(namespace: string, ledger: Ledger): void {
  for (const fault of ledger.faults) console.log(JSON.stringify({ scrub: "fault", ...fault }));
  for (const note of ledger.notes) console.log(JSON.stringify({ scrub: "note", note }));
  const { objects, bytes, entries, segments, rows, faults } = ledger;
  const summary = { namespace, objects, bytes, entries, segments, rows, faults: faults.length };
  console.log(JSON.stringify({ scrub: "summary", ...summary }));
}

function describe(name: string, ledger: Ledger): string[] {
  const { objects, bytes, faults, notes, verified } = ledger;
  return [
    `${name}: ${objects} objects, ${bytes} bytes read`,
    "",
    "Verified:",
    ...Array.from(verified, ([what, count]) => `  ${String(count).padStart(9)}  ${what}`),
    ...(notes.length === 0 ? [] : ["", "Worth knowing:", ...notes.map((note) => `  ${note}`)]),
    ...faults.flatMap(({ key, what, meaning, remedy }) => [
      "",
      `WRONG  ${key}`,
      `  What is wrong     ${what}`,
      `  What it means     ${meaning}`,
      `  What to do        ${remedy}`,
    ]),
    "",
    faults.length === 0 ? "Nothing is wrong." : `${faults.length} things are wrong.`,
  ];
}

/** One line of standard error that is written over, where that is a terminal. */
function progressOf(): { say: (what: string) => void; clear: () => void } {
  const { isTTY } = process.stderr;
  let lastMs = 0;
  return {
    say: (what) => {
      if (!isTTY || performance.now() - lastMs < 100) return;
      lastMs = performance.now();
      process.stderr.write(`\r\u001b[K${what.slice(0, 100)}`);
    },
    clear: () => {
      if (isTTY) process.stderr.write("\r\u001b[K");
    },
  };
}
