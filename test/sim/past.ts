/**
 * Clients that read a name as it was. In a third of the worlds names are given a retention, now
 * and then another one, and readers ask as of an entry of the log or a time: they are shown that
 * very point, or told that it is gone, and that only where the retention did not cover it. Now and
 * then a name is restored to such a point, or to what another name is.
 *
 * What happens here is decided by a chance of its own, so all other worlds are what they were.
 */
import { openChanges } from "../../src/changes.ts";
import { isEngineError } from "../../src/errors.ts";
import { type AsOf, kept, pointAsOf, snapshotAsOf } from "../../src/history.ts";
import type { NamespaceApi, NamespaceDescription } from "../../src/namespace/protocol.ts";
import { restore } from "../../src/restore.ts";
import type { SearchPorts } from "../../src/search-ports.ts";
import type { Snapshot } from "../../src/snapshot.ts";
import { changeSettings } from "../../src/write.ts";
import type { OracleDocument } from "../oracle/brute-force.ts";
import type { History, Point } from "./history.ts";
import { callOwner } from "./owner-client.ts";
import { askPoint } from "./pinning.ts";
import { applyBatch } from "./point.ts";
import type { Process } from "./process.ts";
import { SimRandom } from "./random.ts";
import type { SimName } from "./sim-name.ts";
import type { World } from "./world.ts";

const hourMs = 3_600_000;
/** Entries that a client may want to go back. */
const backMax = 60;

interface Wish {
  readonly point: Point;
  readonly asOf: AsOf;
}

export class Past {
  readonly #world: World;
  readonly #random: SimRandom;
  /** What clients want it to be; 0 in most worlds. */
  readonly #retentionMs: number;
  readonly #share: number;
  readonly #restoreShare: number;

  constructor(world: World, seed: number) {
    this.#world = world;
    this.#random = new SimRandom(seed + 3_000_017);
    const random = this.#random;
    const retentionMs = random.pick([1, 4, 12]) * hourMs;
    const share = random.pick([0.1, 0.3]);
    const restoreShare = random.pick([0, 0.04, 0.08]);
    const isAbout = { past: world.emphasis === "past", restores: world.emphasis === "restores" };
    const isOn = world.emphasis === "none" && random.chance(0.33);
    this.#retentionMs = isOn || isAbout.past || isAbout.restores ? retentionMs : 0;
    this.#share = share;
    this.#restoreShare = isAbout.past ? 0 : isAbout.restores ? 0.06 : restoreShare;
  }

  get isOn(): boolean {
    return this.#retentionMs > 0;
  }

  /** What a client does about the past, if it is about that. */
  operation(process: Process, ports: SearchPorts, name: SimName): Promise<void> | undefined {
    const random = this.#random;
    if (!this.isOn || !name.exists) return undefined;
    const isSet = name.history.last.retentionMs === this.#retentionMs;
    if (random.chance(isSet ? this.#share / 50 : 0.2)) {
      const some = isSet ? random.pick([0, this.#retentionMs / 4]) : this.#retentionMs;
      return setRetention(process, name, some);
    }
    if (random.chance(this.#restoreShare)) return this.#restore(process, ports, name);
    if (!random.chance(this.#share)) return undefined;
    return random.chance(0.25)
      ? this.#follow(process, ports, name)
      : this.#read(process, ports, name);
  }

  /** From now on everything may go. */
  async end(process: Process, name: SimName): Promise<void> {
    if (name.history.last.retentionMs > 0) await setRetention(process, name, 0);
  }

  /** A point of the name, most often of its present life, and how to ask for it. */
  #pick(process: Process, { points, last }: History): Wish | undefined {
    const random = this.#random;
    const at = Math.max(0, points.length - 1 - random.below(backMax));
    const point = points[at] as Point;
    if (point.next === 0 || !point.exists) return undefined;
    const until = Math.min(points[at + 1]?.timeMs ?? Infinity, process.clock.now());
    const ms = Math.floor(random.between(point.timeMs, Math.max(point.timeMs, until)));
    // Sequences begin anew with a life; its times do not.
    const isSame = point.generation === last.generation;
    const asOf: AsOf =
      isSame && random.chance(0.5)
        ? { kind: "sequence", sequence: point.next - 1 }
        : { kind: "time", ms: random.chance(0.3) ? point.timeMs : ms };
    return { point, asOf };
  }

  /** Back to what it was, or to what another name is. */
  async #restore(process: Process, ports: SearchPorts, of: SimName) {
    const { history, identity } = of;
    const { faults, names } = this.#world;
    const { tenant, name } = identity;
    const wish = this.#pick(process, history);
    if (wish === undefined) return;
    const others = names.filter(
      ({ exists, identity: { name: other } }) => exists && other !== name,
    );
    const other = this.#random.chance(0.5) ? others[0] : undefined;
    const window = history.beginRead();
    const owner = (of: string): NamespaceApi => callOwner(process, of);
    try {
      const target = { tenant, name, owner: owner(name) };
      const source =
        other === undefined
          ? { name, at: await pointAsOf(ports, target, wish.asOf) }
          : { name: other.identity.name };
      const { generation, next } = await restore({ tenant, name, owner }, source);
      history.pointShown(window, "restore", generation, next);
      if (source.at !== undefined && next !== source.at.next) {
        this.#world.violate("restore", `to ${next} instead of ${source.at.next}`);
      }
      faults.saw(other === undefined ? "restore: to its past" : "restore: to another");
      await this.#readBefore(process, ports, of, generation);
    } catch (error) {
      const allowed = ["gone", "notFound", "invalid", "conflict"] as const;
      if (!allowed.some((kind) => isEngineError(error, kind))) throw error;
      if (isEngineError(error, "conflict")) faults.saw("restore: refused");
    }
  }

  /** What a life begins with is not what was there right before, while it was prepared. */
  async #readBefore(process: Process, ports: SearchPorts, name: SimName, generation: string) {
    const { points } = name.history;
    const began = points.find((point) => point.generation === generation);
    const ms = Math.floor((began?.timeMs ?? 0) - this.#random.spread(1, 20));
    const point = points.findLast(({ timeMs }) => timeMs <= ms);
    if (point === undefined) return;
    await this.#read(process, ports, name, { point, asOf: { kind: "time", ms } });
  }

  async #read(
    process: Process,
    ports: SearchPorts,
    { history, identity }: SimName,
    wish = this.#pick(process, history),
  ): Promise<void> {
    const { tenant, name } = identity;
    const { last } = history;
    if (wish === undefined) return;
    const { point, asOf } = wish;
    const window = history.beginRead();
    const owner = callOwner(process, name);
    try {
      const snapshot = await snapshotAsOf(ports, { tenant, name, owner }, asOf);
      const shown = this.#shown(history, window.first, asOf, snapshot);
      if (shown === undefined) return;
      await kept(() => askPoint(process, ports, snapshot, shown));
      this.#world.faults.saw(shown === last ? "past: the present" : "past: shown");
    } catch (error) {
      if (isEngineError(error, "gone")) this.#gone(history, window.first, point, asOf);
      else if (!isEngineError(error, "notFound") && !isEngineError(error, "invalid")) throw error;
    }
  }

  /** What the change feed says leads from one point to another. */
  async #follow(process: Process, ports: SearchPorts, { history, identity }: SimName) {
    const { tenant, name } = identity;
    const wish = this.#pick(process, history);
    if (wish === undefined) return;
    const { generation, next } = wish.point;
    const window = history.beginRead();
    // Without what was skipped meanwhile: a feed takes back nothing that it has told.
    const from = history.pointAt(generation, next);
    const documents = new Map(from?.documents);
    const target = { tenant, name, owner: callOwner(process, name) };
    try {
      const changes = await openChanges(ports, target, { generation, next });
      for await (const { batches } of changes.entries()) {
        for (const batch of batches) applyBatch(documents, batch);
      }
      const { end } = changes;
      const shown = history.pointShown(window, "changes", end.generation, end.next);
      if (history.pointAt(generation, next) !== from) return;
      const wanted = shown?.documents ?? documents;
      if (JSON.stringify(sorted(documents)) !== JSON.stringify(sorted(wanted))) {
        this.#world.violate("changes", `from ${next} they do not lead to ${end.next}`);
      }
      this.#world.faults.saw("changes: followed");
    } catch (error) {
      if (isEngineError(error, "gone")) this.#world.faults.saw("changes: gone");
      else if (!isEngineError(error, "notFound")) throw error;
    }
  }

  /** The point that the snapshot must be, if it is. */
  #shown(history: History, first: number, asOf: AsOf, shown: Snapshot): Point | undefined {
    const { generation, next } = shown;
    const index = history.indexAt(generation, next);
    const wanted =
      asOf.kind === "sequence"
        ? history.indexAt(generation, asOf.sequence + 1)
        : history.points.findLastIndex((p) => p.generation === generation && p.timeMs <= asOf.ms);
    // Of what was under way when it asked, a time may show less.
    const isYoung = asOf.kind === "time" && index < wanted && index >= first;
    // What a life begins with may be as old as itself.
    if (index < 0 && wanted < 0) return undefined;
    if (index >= 0 && (index === wanted || isYoung)) return history.points[index];
    const what = asOf.kind === "time" ? `time ${asOf.ms}` : `entry ${asOf.sequence}`;
    const found = history.points[wanted]?.next;
    this.#world.violate("past", `as of ${what}: shown the state at ${next}, not ${found}`);
    return undefined;
  }

  /**
   * It must not be, if it was covered all the time, by what may have been known when it was asked
   * for as well: the newest entry may have landed without its owner knowing yet.
   */
  #gone(history: History, first: number, point: Point, asOf: AsOf): void {
    const { faults, scheduler } = this.#world;
    faults.saw("past: gone");
    const index = history.points.indexOf(point);
    const since = history.points.slice(index);
    const isOther = since.some(({ generation, exists }) => {
      return generation !== point.generation || !exists;
    });
    // Clocks that jump make it older than it is; what rots is nobody's fault.
    if (isOther || faults.isOn("clock-jump") || faults.isOn("object-rots")) return;
    const known = history.points.slice(Math.min(first, index));
    const retentionMs = Math.min(...known.map((each) => each.retentionMs));
    const overMs = asOf.kind === "time" ? asOf.ms : (since[1]?.timeMs ?? Infinity);
    if (overMs >= scheduler.nowMs - retentionMs) {
      const ageMs = scheduler.nowMs - overMs;
      const text = `superseded ${ageMs} ms ago, kept for ${retentionMs}`;
      this.#world.violate(
        "past",
        `the state at ${point.next} of ${point.generation} is gone, ${text}`,
      );
    }
  }
}

function sorted(documents: ReadonlyMap<number, OracleDocument>): unknown[] {
  const byId = [...documents.values()].toSorted((a, b) => Number(a.id) - Number(b.id));
  return byId.map(({ id, vector, attributes }) => {
    return [
      id,
      [...(vector ?? [])],
      Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ];
  });
}

async function setRetention(process: Process, { identity }: SimName, retentionMs: number) {
  const memory = {
    recall: (): NamespaceDescription | undefined => undefined,
    remember: (): void => {},
  };
  const target = { ...identity, owner: callOwner(process, identity.name), memory };
  try {
    await changeSettings(target, { retentionMs });
  } catch (error) {
    if (!isEngineError(error, "notFound")) throw error;
  }
}
