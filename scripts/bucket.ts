/**
 * Opens the bucket that a command looks into: the one below a local state folder, or the user's own
 * in their account. The same store as the Worker's (workers/platform/), reached through wrangler,
 * which starts a runtime of its own for it.
 *
 *   local    the folder that `npm start` keeps, also while that server runs: both runtimes open the
 *            same SQLite index, which takes turns, and objects lie in files that never change. A
 *            folder without a bucket is refused, never made.
 *   remote   the bucket named in wrangler.toml through a remote binding, at the usual price of its
 *            requests. Needs `wrangler login`, or CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID.
 *
 * Read-only unless asked otherwise.
 */
import { existsSync, rmSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Option } from "commander";
import { getPlatformProxy, unstable_readConfig } from "wrangler";
import { EngineError } from "../src/errors.ts";
import type { ObjectStore } from "../src/store/object-store.ts";
import { RetryingStore } from "../src/store/retrying-store.ts";
import { systemClock } from "../workers/platform/clock.ts";
import { R2Store } from "../workers/platform/r2-store.ts";
import { systemRandom } from "../workers/platform/random.ts";
import { cannotRun } from "./outcome.ts";

const root = dirname(import.meta.dirname);
const configPath = join(root, "wrangler.toml");
const binding = "BUCKET";

/** What commands that look into a bucket take; `bucketOptions` are their command line options. */
export interface BucketSource {
  /** Folder of a local server's state. */
  readonly state: string;
  /** The bucket in the user's account instead. */
  readonly remote: boolean;
}

export interface Bucket {
  readonly store: ObjectStore;
  /** Below it, whatever was asked for. */
  readonly binding: BucketBinding;
  /** For messages: which bucket this is. */
  readonly place: string;
  close(): Promise<void>;
}

export function bucketOptions(): readonly Option[] {
  return [
    new Option("--state <folder>", "state of a local server").default(join(".wrangler", "state")),
    new Option("--remote", "the bucket named in wrangler.toml, in your account").default(false),
  ];
}

export async function openBucket(
  source: BucketSource,
  { writes = false }: { readonly writes?: boolean } = {},
): Promise<Bucket> {
  const { name, account } = bucketOfConfig();
  const persist = source.remote ? false : { path: localFolder(source.state) };
  const place = source.remote ? `the bucket ${name} of your account` : source.state;
  const proxy = await openProxy(name, account, source.remote, persist).catch((error: unknown) => {
    throw cannotRun(`Cannot open ${place}. ${hint(source)}\n\n${reasonOf(error)}`);
  });
  const bound = proxy.env[binding];
  const store = new RetryingStore(new R2Store(bound), {
    clock: systemClock,
    random: systemRandom,
  });
  return {
    store: writes ? store : readOnly(store),
    binding: bound,
    place,
    close: () => proxy.dispose(),
  };
}

/** Refuses what changes anything. */
export function readOnly(store: ObjectStore): ObjectStore {
  const refuse = (): Promise<never> =>
    Promise.reject(new EngineError("invalid", "this bucket was opened for reading only"));
  return {
    get: (key, range) => store.get(key, range),
    head: (key) => store.head(key),
    list: (prefix, options) => store.list(prefix, options),
    put: refuse,
    delete: refuse,
  };
}

/** As wrangler lays them out below `v3`, and servers of scripts/miniflare.ts without it. */
function localFolder(state: string): string {
  const folder = resolve(root, state);
  const found = [join(folder, "v3"), folder].find((path) => existsSync(join(path, "r2")));
  if (found === undefined) {
    throw cannotRun(`There is no bucket in ${folder}: start the server once, or name its --state.`);
  }
  return found;
}

function bucketOfConfig(): { readonly name: string; readonly account: string | undefined } {
  const config = unstable_readConfig({ config: configPath }, { hideWarnings: true });
  const buckets: readonly { binding: string; bucket_name?: string }[] = config.r2_buckets;
  const bucket = buckets.find((each) => each.binding === binding);
  if (bucket?.bucket_name === undefined) {
    throw cannotRun(`wrangler.toml names no bucket for ${binding}.`);
  }
  return { name: bucket.bucket_name, account: config.account_id };
}

type Proxy = Awaited<ReturnType<typeof getPlatformProxy<{ [binding]: BucketBinding }>>>;
export type BucketBinding = ConstructorParameters<typeof R2Store>[0];

/** With a configuration of the bucket alone: nothing else of the Worker is started or deployed. */
async function openProxy(
  bucketName: string,
  account: string | undefined,
  remote: boolean,
  persist: false | { path: string },
): Promise<Proxy> {
  const folder = await mkdtemp(join(tmpdir(), "shoal-bucket-"));
  try {
    const config = {
      name: "shoal-bucket",
      compatibility_date: "2026-10-01",
      send_metrics: false,
      ...(account === undefined ? {} : { account_id: account }),
      r2_buckets: [{ binding, bucket_name: bucketName, remote }],
    };
    const file = join(folder, "wrangler.json");
    await writeFile(file, JSON.stringify(config));
    return await getPlatformProxy({ configPath: file, persist, remoteBindings: remote });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function hint({ remote }: BucketSource): string {
  return remote
    ? "Log in first: npx wrangler login, or set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID."
    : "Is it the state of a local server?";
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
