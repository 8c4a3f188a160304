/**
 * A client that reads one point of a name for longer than anything that died may stay, as an export
 * does: it pins, and renews while it reads. It sees that point and nothing else, or loses its pin.
 */
import { isEngineError } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import type { Pin } from "../../src/namespace/pins.ts";
import { replyValue } from "../../src/namespace/protocol.ts";
import { pinnedSnapshot } from "../../src/pinned.ts";
import { bindQuery } from "../../src/query/bind.ts";
import type { ResultRow } from "../../src/query/result.ts";
import { type WalkPlace, walkRows } from "../../src/row-walk.ts";
import { runQuery } from "../../src/search.ts";
import { openContext, type SearchPorts } from "../../src/search-ports.ts";
import type { Snapshot } from "../../src/snapshot.ts";
import type { Point } from "./history.ts";
import { callOwner } from "./owner-client.ts";
import type { Process } from "./process.ts";
import { askAnything, compareAnswer, compareRow } from "./questions.ts";
import type { SimName } from "./sim-name.ts";

const hourMs = 3_600_000;

export async function readPinned(
  process: Process,
  ports: SearchPorts,
  { identity, history }: SimName,
  pages = 1 + process.world.random.below(12),
): Promise<void> {
  const { world } = process;
  const { tenant, name } = identity;
  const owner = callOwner(process, name);
  const window = history.beginRead();
  const pinned = await owner.pin(tenant, name);
  if (!pinned.ok && pinned.kind === "notFound") {
    history.explain(window, "pin", (p) => (p.exists ? "not found, yet it exists" : undefined));
    return;
  }
  const pin = replyValue(pinned);
  const floor = world.landings.manifests.versionOf(pin.generation, pin.version)?.floor ?? 0;
  const knows = (slot: number): boolean => slot < floor || pin.skipped?.includes(slot) === true;
  const point = history.pointShown(window, "pin", pin.generation, pin.next, knows);
  if (point === undefined) return;
  const isAlive = async (): Promise<boolean> =>
    replyValue(await owner.renewPin(tenant, name, pin.id)) !== undefined;
  try {
    const isRead = await readSlowly(process, ports, tenant, pin, point, pages, isAlive);
    world.faults.saw(isRead ? "pin: read to the end" : "pin: lost");
  } catch (error) {
    if (!isEngineError(error, "notFound")) throw error;
    if (await isAlive()) world.violate("pinned", `gone while its pin lives: ${error.message}`);
    else world.faults.saw("pin: lost");
  }
  replyValue(await owner.releasePin(tenant, name, pin.id));
}

/** False: the pin was lost on the way. */
async function readSlowly(
  process: Process,
  ports: SearchPorts,
  tenant: string,
  pin: Pin,
  point: Point,
  pages: number,
  isAlive: () => Promise<boolean>,
): Promise<boolean> {
  const { world } = process;
  const { random } = world;
  for (let page = 0; page < pages; page++) {
    // Another isolate may go on where one left off.
    if (page > 0) world.again();
    const snapshot = await pinnedSnapshot(ports, tenant, pin);
    if (random.chance(0.4)) await walk(process, ports, snapshot, point);
    else await askPoint(process, ports, snapshot, point);
    const isAbsent = !world.isQuiet && random.chance(0.1);
    const awayMs = isAbsent
      ? hourMs * random.between(1, 6)
      : limits.pinMs * random.between(0.01, 0.9);
    await process.pause(awayMs, "read slowly");
    if (!(await isAlive())) return false;
    if (isAbsent) world.violate("pin", "it outlives its time");
  }
  return true;
}

/** All rows at once, or from a place on that a walk has come to. */
async function walk(
  process: Process,
  ports: SearchPorts,
  snapshot: Snapshot,
  { documents }: Point,
): Promise<void> {
  const { world } = process;
  const found = new Map<unknown, ResultRow>();
  let from: WalkPlace | undefined;
  let isOver = false;
  while (!isOver) {
    const stopAt = world.random.chance(0.5) ? 1 + world.random.below(40) : Infinity;
    isOver = true;
    let taken = 0;
    for await (const rows of walkRows(openContext(ports, snapshot, false), from)) {
      for (const { row, after } of rows.slice(0, stopAt - taken)) {
        if (found.has(row.id)) world.violate("walk", `${row.id} comes twice`);
        found.set(row.id, row);
        from = after;
        taken += 1;
      }
      if (taken === stopAt) {
        isOver = false;
        break;
      }
    }
  }
  world.faults.saw("export: walked");
  const wrong = [...documents.values()].find((document) => {
    const row = found.get(document.id);
    return row === undefined || compareRow(row, document) !== undefined;
  });
  if (wrong !== undefined || found.size !== documents.size) {
    const what = `${found.size} of ${documents.size} documents, ${wrong?.id} is wrong`;
    world.violate("walk", what);
  }
}

/** Asks anything of a snapshot that must be this point. */
export async function askPoint(
  process: Process,
  ports: SearchPorts,
  snapshot: Snapshot,
  point: Point,
): Promise<void> {
  const { world } = process;
  const { ask: question, check } = askAnything(world.random, world.sizes);
  const { schema } = snapshot;
  // A namespace without a single document has no schema to ask about.
  if (schema.attributes.size === 0) return;
  const bound = bindQuery({ ...question, consistency: "strong" }, schema);
  const context = openContext(ports, snapshot, question.disableCache);
  const result = await runQuery(context, bound, process.clock.now());
  const wrong = compareAnswer(check, point, result);
  if (wrong !== undefined) world.violate("pinned read", wrong);
}
