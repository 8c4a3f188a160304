/** `npm run inspect -- KEY`: any object of the bucket as readable text, or what lies below it. */
import { Command } from "commander";
import type { ObjectStore } from "../../src/store/object-store.ts";
import { sha256 } from "../../workers/platform/digest.ts";
import { type BucketSource, bucketOptions, openBucket } from "../bucket.ts";
import { inspectObject, type Line } from "../inspect/object.ts";
import { positiveInteger } from "../options.ts";
import { cannotRun } from "../outcome.ts";
import { formatTable } from "../table.ts";

interface Options extends BucketSource {
  readonly rows: number;
  readonly json: boolean;
}

const listMax = 10_000;

export function inspectCommand(): Command {
  const command = new Command("inspect")
    .description("show an object of the bucket as text, or what lies below a prefix")
    .argument("[key]", "of an object, or a prefix of keys", "t/")
    .option("--rows <n>", "how many rows of each kind to show", positiveInteger, 10)
    .option("--json", "print lines of JSON, the summary last", false);
  for (const option of bucketOptions()) command.addOption(option);
  return command.action(inspect);
}

async function inspect(key: string, options: Options): Promise<void> {
  const bucket = await openBucket(options);
  try {
    const isObject = (await bucket.store.head(key)) !== undefined;
    await (isObject ? show(bucket.store, key, options) : list(bucket.store, key, options));
  } finally {
    await bucket.close();
  }
}

async function show(store: ObjectStore, key: string, { rows, json }: Options): Promise<void> {
  const stored = await store.get(key);
  if (stored === undefined) throw cannotRun(`${key} is gone.`);
  const lines = await inspectObject(key, stored.bytes, {
    store,
    digest: sha256,
    rowsMax: rows,
  });
  const isWhole = !lines.some(({ kind }) => kind === "damage");
  if (json) {
    for (const line of lines) console.log(JSON.stringify({ inspect: "line", ...line }));
    const summary = { key, bytes: stored.bytes.length, lines: lines.length, whole: isWhole };
    console.log(JSON.stringify({ inspect: "summary", ...summary }));
    return;
  }
  console.log(`${key}\n${stored.bytes.length} bytes, stored ${isoTime(stored.uploadedMs)}`);
  for (const line of lines) console.log(textOf(line));
}

function textOf({ kind, text }: Line): string {
  switch (kind) {
    case "title":
      return `\n${text}`;
    case "damage":
      return `  DAMAGED  ${text}`;
    case "field":
      return `  ${text}`;
  }
}

async function list(store: ObjectStore, prefix: string, { json }: Options): Promise<void> {
  const found: { key: string; size: number; stored: string }[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await store.list(prefix, after === undefined ? {} : { after });
    for (const { key, size, uploadedMs } of page.objects) {
      found.push({ key, size, stored: isoTime(uploadedMs) });
    }
    after = page.objects.at(-1)?.key;
    if (!page.more || after === undefined || found.length >= listMax) break;
  }
  const bytes = found.reduce((sum, { size }) => sum + size, 0);
  if (json) {
    for (const object of found) console.log(JSON.stringify({ inspect: "object", ...object }));
    const summary = { prefix, objects: found.length, bytes };
    console.log(JSON.stringify({ inspect: "summary", ...summary }));
    return;
  }
  if (found.length === 0) throw cannotRun(`There is no object ${prefix}, nor any below it.`);
  const rows = found.map(({ key, size, stored }) => [size, stored, key]);
  for (const line of formatTable(["bytes", "stored", "key"], rows, 200)) console.log(line);
  console.log(`${found.length} objects, ${bytes} bytes`);
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
