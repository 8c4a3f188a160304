/**
 * Once faults have stopped: everything that was begun ends, everything is indexed, jobs end, the
 * answer is the newest point of the history, and after a day nothing is left that nobody needs.
 */

import type { Manifest } from "../../src/format/manifest.ts";
import { openManifest } from "../../src/format/manifest-codec.ts";
import { openPointer } from "../../src/format/registry.ts";
import { protocolVersion, replyValue } from "../../src/namespace/protocol.ts";
import { currentKey, generationRoot, manifestKey } from "../../src/store/keys.ts";
import { write } from "../../src/write.ts";
import { syncDigest } from "../sync-digest.ts";
import { callOwner } from "./owner-client.ts";
import { Process } from "./process.ts";
import type { World } from "./world.ts";
import { buildWrite, planWrite } from "./writes.ts";

const hourMs = 3_600_000;

export async function settle(world: World): Promise<void> {
  const process = new Process(world, "operator");
  // Lost storage means a lost alarm: somebody has to call once.
  if (world.faults.isOn("storage-wiped")) await runWith(world, awaken(world, process));
  await pass(world, 5);
  drained(world);
  await runWith(world, indexAll(world, process));
  // What nothing names may go after a day. The owner knows only of what its jobs left behind, so
  // something dies then, and whoever collects it looks for all the rest.
  const { size } = world.store.memory;
  await pass(world, 28);
  await runWith(world, writeOnce(world, process));
  await runWith(world, indexAll(world, process));
  await pass(world, 3);
  if (world.store.memory.size < size) world.faults.saw("collect: orphans");
  await runWith(world, findOrphans(world));
  world.object.wipe();
  await runWith(world, recovered(world, process));
  if (world.unfinished > 0 && !world.faults.isOn("isolate-crash")) {
    world.violate("stuck", `${world.unfinished} operations have not ended`);
  }
}

/** From the store alone an instance knows all that was ever acknowledged. */
async function recovered({ identity, history, violate }: World, process: Process): Promise<void> {
  const head = replyValue(
    await callOwner(process).head({ protocol: protocolVersion, ...identity }),
  );
  const { generation, next } = history.last;
  if (head.generation !== generation || head.next !== next) {
    violate("recovery", `entry ${head.next} of ${head.generation}, not ${next} of ${generation}`);
  }
}

function pass(world: World, hours: number): Promise<void> {
  const untilMs = world.scheduler.nowMs + hours * hourMs;
  return world.scheduler.run(untilMs, () => world.isViolated);
}

async function awaken({ identity }: World, process: Process): Promise<void> {
  replyValue(await callOwner(process).describe(identity.tenant, identity.name));
}

/** By alarms alone: what is old enough is flushed though nobody asks. */
function drained({ history, violate }: World): void {
  const { generation, next, exists } = history.last;
  const floor = history.manifests.floorOf(generation);
  if (exists && floor < next) violate("not drained", `the floor is ${floor}, not ${next}`);
}

async function runWith(world: World, work: Promise<void>): Promise<void> {
  if (world.isViolated) return;
  let done = false;
  const end = (): void => {
    done = true;
  };
  work.then(end, (error: unknown) => {
    world.violate("unsettled", String(error));
    end();
  });
  await world.scheduler.run(world.scheduler.nowMs + 4 * hourMs, () => done || world.isViolated);
  if (!done && !world.isViolated) world.violate("stuck", "settling does not end");
}

async function writeOnce(world: World, process: Process): Promise<void> {
  const memory = { recall: () => undefined, remember: () => {} };
  const target = { ...world.identity, owner: callOwner(process), memory };
  const ports = {
    store: world.store.view(process),
    clock: process.clock,
    random: world.random,
    digest: syncDigest,
  };
  const intent = { ...planWrite(world), extra: undefined };
  await write(ports, target, (schema) => buildWrite(schema, intent), { disableBackpressure: true });
}

async function indexAll(world: World, process: Process): Promise<void> {
  const { tenant, name } = world.identity;
  const owner = callOwner(process);
  const { exists } = replyValue(await owner.describe(tenant, name));
  if (exists !== world.history.last.exists) {
    world.violate("existence", `the owner says ${exists}`);
    return;
  }
  if (!exists) return;
  replyValue(await owner.requestFlush(tenant, name));
  for (let waits = 0; ; waits++) {
    const status = replyValue(await owner.status(tenant, name));
    if (status.indexed && status.unindexedRows === 0 && !world.queue.isBusy) break;
    if (waits > 300) {
      world.violate("not indexed", JSON.stringify(status.jobs));
      return;
    }
    await process.pause(5_000);
  }
}

/** Everything in the store is named by something that is needed. */
async function findOrphans(world: World): Promise<void> {
  const { memory } = world.store;
  const { history, object } = world;
  const oldMs = world.scheduler.nowMs - 27 * hourMs;
  const page = await memory.list("", { limit: 1_000 });
  const all = page.objects.filter(({ uploadedMs }) => uploadedMs < oldMs).map(({ key }) => key);
  const { last } = history;
  const root = last.exists ? generationRoot("default", last.generation) : "-";
  const generation = object.record?.generation;
  const manifest = last.exists ? await currentManifest(world, root) : undefined;
  const named = new Set<string>(manifest === undefined ? [] : namedBy(manifest));
  const lives = new Set(history.points.map((point) => point.generation));
  const orphans = all.filter((key) => {
    if (key.includes("/names/")) return false;
    // With its storage an object forgets a life that it had offered and that never began.
    const [, life] = /\/n\/(\w+)\/part\//.exec(key) ?? [];
    if (world.faults.isOn("storage-wiped") && life !== undefined && !lives.has(life)) return false;
    if (!key.startsWith(root)) return generation === undefined || !key.includes(generation);
    const [, kind, id] = /^([^/]+)(?:\/([^/]+))?/.exec(key.slice(root.length)) ?? [];
    if (kind === "current" || kind === "manifest") return false;
    if (kind === "wal") return Number.parseInt(id ?? "", 16) < (manifest?.floor ?? 0);
    if (kind === "skips") return false;
    if (kind === "part") return true;
    return !named.has(key.slice(root.length));
  });
  const alive = manifest?.dead.length === 0 ? orphans : [];
  if (alive.length > 0) {
    world.violate("orphans", `${alive.length} objects: ${alive.slice(0, 3).join(", ")}`);
  }
  if (manifest !== undefined && manifest.dead.length > 0) {
    world.violate("undead", `${manifest.dead.length} dead objects were never collected`);
  }
}

async function currentManifest(world: World, root: string): Promise<Manifest | undefined> {
  const { memory } = world.store;
  const { generation } = world.history.last;
  const stored = await memory.get(currentKey(root));
  if (stored === undefined) return undefined;
  let { manifestVersion: version } = await openPointer(stored.bytes, syncDigest);
  let newest: Manifest | undefined;
  for (; ; version++) {
    const bytes = (await memory.get(manifestKey(root, version)))?.bytes;
    if (bytes === undefined) return newest;
    newest = await openManifest(bytes, { generation, version }, syncDigest);
  }
}

function namedBy({ segments, keys }: Manifest): string[] {
  const ofSegments = segments.flatMap(({ id, parts, dead }) => [
    ...(parts.length === 1
      ? [`segment/${id}`]
      : parts.map((_, i) => `segment/${id}/${String(i).padStart(4, "0")}`)),
    ...(dead.version > 0 ? [`segment/${id}/dead/${dead.name}`] : []),
  ]);
  return [...ofSegments, ...keys.map(({ name }) => `keys/${name}`)];
}
