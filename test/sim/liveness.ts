/**
 * Once faults have stopped: everything that was begun ends, everything is indexed, jobs end, the
 * answer is the newest point of the history, and after a day nothing is left that nobody needs.
 */

import { protocolVersion, replyValue } from "../../src/namespace/protocol.ts";
import type { Query } from "../../src/query/query.ts";
import { search } from "../../src/search.ts";
import { write } from "../../src/write.ts";
import { syncDigest } from "../sync-digest.ts";
import { makeBranchAtRest } from "./branching.ts";
import { searchPorts } from "./clients.ts";
import { findOrphans } from "./leftovers.ts";
import { callOwner } from "./owner-client.ts";
import { readPages } from "./paging.ts";
import { readPinned } from "./pinning.ts";
import { Process } from "./process.ts";
import { askForTheRest } from "./questions.ts";
import { checkSettings, resetSettings } from "./settings.ts";
import type { SimName } from "./sim-name.ts";
import type { World } from "./world.ts";
import { buildWrite, planWrite, type WriteIntent } from "./writes.ts";

const hourMs = 3_600_000;

export async function settle(world: World): Promise<void> {
  const process = new Process(world, "operator");
  const forAll = async (work: (name: SimName) => Promise<void>): Promise<void> => {
    for (const name of world.names) await runWith(world, work(name));
  };
  const forSome = (work: (name: SimName) => Promise<void>): Promise<void> =>
    forAll((name) => (world.random.chance(0.7) ? work(name) : nothing));
  // Lost storage means a lost alarm: somebody has to call once.
  if (world.faults.isOn("storage-wiped")) await forAll((name) => awaken(process, name));
  for (const name of world.everyName) await runWith(world, readAll(world, name));
  await runWith(world, world.shelf.end(process));
  await forAll((name) => resetSettings(process, name));
  await forAll((name) => world.past.end(process, name));
  if (world.names.length > 1) {
    const { random, names } = world;
    // A branch lets go of its ancestors while it is still read as it was; or loses one of them.
    for (const name of names) if (isBranch(world, name)) exportSlowly(world, name);
    // Somebody took a pin and comes too late: what it named is gone by then.
    const free = random.chance(0.4) ? names.find(({ exists }) => !exists) : undefined;
    if (free !== undefined && world.first.exists && free !== world.first) {
      await runWith(world, writeOnce(world, process, world.first));
      beside(world, makeBranchAtRest(process, world.first, free, 4));
      await runWith(world, rewrite(world, process, world.first));
    } else if (random.chance(0.5)) await forAll((name) => bereave(world, process, name));
    else await forAll((name) => (isBranch(world, name) ? rewrite(world, process, name) : nothing));
  }
  await pass(world, 5);
  for (const name of world.names) drained(world, name);
  await forAll((name) => indexAll(world, process, name));
  // What nothing names may go after a day. The owner knows only of what its jobs left behind, so
  // something dies then, and whoever collects it looks for all the rest.
  const { size } = world.store.memory;
  // And what a branch holds longer than a day is looked for again once it has let go.
  await makeRoom(world, process);
  await forAll((name) => branchAnew(world, process, name));
  await forAll((name) => indexAll(world, process, name));
  await pass(world, 28);
  await forAll((name) => writeOnce(world, process, name));
  await forAll((name) => indexAll(world, process, name));
  await pass(world, 5);
  if (world.store.memory.size < size) world.faults.saw("collect: orphans");
  if (world.names.length > 1) {
    // What a branch lets go of just now, its ancestors look for within a day.
    await forSome((name) => rewrite(world, process, name));
    await forAll((name) => indexAll(world, process, name));
    await pass(world, 30);
  }
  await runWith(world, findOrphans(world));
  for (const { object } of world.everyName) object.wipe();
  for (const name of world.everyName) await runWith(world, recovered(world, process, name));
  const reader = new Process(world, "isolate that turns over pages");
  const turn = (name: SimName) => readPages(reader, searchPorts(reader), name, 3, askForTheRest());
  await forAll((name) => (name.exists ? turn(name) : nothing));
  if (world.unfinished > 0 && !world.faults.isOn("isolate-crash")) {
    world.violate("stuck", `${world.unfinished} operations have not ended`);
  }
}

const nothing: Promise<void> = Promise.resolve();

function isBranch({ landings }: World, { exists, history }: SimName): boolean {
  return exists && landings.isBranch(history.last.generation);
}

/** Reads on for some hours, beside everything else. */
function exportSlowly(world: World, name: SimName): void {
  const pages = 12;
  const reader = new Process(world, "isolate of an export");
  beside(world, readPinned(reader, searchPorts(reader), name, pages));
}

/** Must end before the world does. */
function beside(world: World, work: Promise<void>): void {
  const ended = (): void => {
    world.operations += 1;
  };
  world.begin();
  work.then(ended, (error: unknown) => {
    world.mustBeEngineError(error, "beside");
    ended();
  });
}

/** Deletes a name whose branches live. */
async function bereave(world: World, process: Process, name: SimName): Promise<void> {
  const { history, exists } = name;
  const { generation } = history.last;
  const isParent = world.names.some(
    (other) => other.exists && world.landings.descends(other.history.last.generation, generation),
  );
  if (exists && isParent) await removeAtRest(process, name);
}

async function removeAtRest(process: Process, { identity, history }: SimName): Promise<void> {
  const window = history.beginRead();
  replyValue(await callOwner(process, identity.name).remove(identity.tenant, identity.name));
  history.removeAcknowledged(window);
}

/** Of several names one is free for a branch. */
async function makeRoom(world: World, process: Process): Promise<void> {
  const last = world.names.at(-1);
  if (last === undefined || last === world.first || world.names.some((name) => !name.exists))
    return;
  await runWith(world, removeAtRest(process, last));
}

/** A name that is free becomes a branch of the first, which is rewritten then. */
async function branchAnew(world: World, process: Process, name: SimName): Promise<void> {
  const { first } = world;
  if (name === first || name.exists || !first.exists) return;
  await makeBranchAtRest(process, first, name);
  await rewrite(world, process, first);
}

/** From the store alone an instance knows all that was ever acknowledged. */
async function recovered({ violate }: World, process: Process, of: SimName): Promise<void> {
  const { identity, history, exists } = of;
  const { tenant, name } = identity;
  const owner = callOwner(process, name);
  if (!exists) {
    const described = replyValue(await owner.describe(tenant, name));
    if (described.exists) violate("recovery", `${name} lives again`);
    return;
  }
  const head = replyValue(await owner.head({ protocol: protocolVersion, tenant, name }));
  await checkSettings(process, of);
  const { generation, next } = history.last;
  if (head.generation !== generation || head.next !== next) {
    violate("recovery", `entry ${head.next} of ${head.generation}, not ${next} of ${generation}`);
  }
}

function pass(world: World, hours: number): Promise<void> {
  const untilMs = world.scheduler.nowMs + hours * hourMs;
  return world.scheduler.run(untilMs, () => world.isViolated);
}

async function awaken(process: Process, { identity }: SimName): Promise<void> {
  const { tenant, name } = identity;
  replyValue(await callOwner(process, name).describe(tenant, name));
}

/** An isolate that knows nothing finds everything, in whatever tail there is. */
async function readAll(world: World, { identity, history, exists }: SimName): Promise<void> {
  if (!exists) return;
  const process = new Process(world, "isolate of the operator");
  const window = history.beginRead();
  const owner = callOwner(process, identity.name);
  const query: Query = {
    rank: { kind: "id", descending: false },
    limit: 5_000,
    offset: 0,
    filters: undefined,
    attributes: { kind: "all" },
    metric: undefined,
    consistency: "strong",
    disableCache: false,
  };
  const { rows } = await search(searchPorts(process), { ...identity, owner }, query);
  history.explain(window, "read at rest", ({ documents }) => {
    const lost = [...documents.keys()].filter((id) => !rows.some((row) => row.id === id));
    const extra = rows.filter(({ id }) => !documents.has(Number(id)));
    const isSame = lost.length + extra.length === 0;
    return isSame ? undefined : `${lost.length} rows are lost, ${extra.length} too many`;
  });
}

/** By alarms alone: what is old enough is flushed though nobody asks. */
function drained({ landings, violate }: World, { history }: SimName): void {
  const { generation, next, exists } = history.last;
  const floor = landings.manifests.floorOf(generation);
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

/** The first name lives again if it does not; others that are over stay so. */
async function writeOnce(world: World, process: Process, name: SimName): Promise<void> {
  if (!name.exists && name !== world.names[0]) return;
  await commit(world, process, name, { ...planWrite(world), extra: undefined });
}

/** All that the name holds is overwritten: nothing of any ancestor is left. */
async function rewrite(world: World, process: Process, name: SimName): Promise<void> {
  if (!name.exists) return;
  const upserts = [...name.history.last.documents.keys()];
  const { hasSides } = world.sizes;
  const vectors = upserts.map(() => (hasSides ? [1, 2, 3, 4, 4, 3, 2, 1] : [1, 2, 3, 4]));
  if (upserts.length === 0) return;
  await commit(world, process, name, {
    tag: world.newTag(),
    upserts,
    deletes: [],
    vectors,
    hasSides,
    extra: undefined,
  });
  const { tenant, name: text } = name.identity;
  replyValue(await callOwner(process, text).requestFlush(tenant, text));
}

async function commit(
  world: World,
  process: Process,
  { identity }: SimName,
  intent: WriteIntent,
): Promise<void> {
  const memory = { recall: () => undefined, remember: () => {} };
  const target = { ...identity, owner: callOwner(process, identity.name), memory };
  const ports = {
    store: world.store.view(process),
    clock: process.clock,
    random: world.random,
    digest: syncDigest,
  };
  await write(ports, target, (schema) => buildWrite(schema, intent), { disableBackpressure: true });
}

/** A copy has let go of its source by itself. */
function standsAlone({ landings, faults, violate }: World, generation: string): void {
  if (!landings.isCopy(generation)) return;
  if (landings.isDependent(generation)) violate("copy", `${generation} still needs its source`);
  else faults.saw("copy: stands alone");
}

async function indexAll(
  world: World,
  process: Process,
  { identity, history }: SimName,
): Promise<void> {
  const { tenant, name } = identity;
  const owner = callOwner(process, name);
  const { exists } = replyValue(await owner.describe(tenant, name));
  if (exists !== history.last.exists) {
    world.violate("existence", `the owner says ${exists}`);
    return;
  }
  if (!exists) return;
  replyValue(await owner.requestFlush(tenant, name));
  for (let waits = 0; ; waits++) {
    const status = replyValue(await owner.status(tenant, name));
    if (status.indexed && status.unindexedRows === 0 && !world.queue.isBusy) {
      standsAlone(world, history.last.generation);
      break;
    }
    if (waits > 300) {
      world.violate("not indexed", JSON.stringify(status.jobs));
      return;
    }
    await process.pause(5_000);
  }
}
