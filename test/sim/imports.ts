/**
 * Imports beside everything else, in every ninth world: a client asks for one after another, now
 * and then cancels one, or deletes the namespace under it. Consumers run them with the engine's own
 * code through the faulty store; they die anywhere, messages come again, late and side by side, and
 * clocks that disagree let two consumers work on one import. What lands is held against
 * import-history.ts. At the end of the world all have ended, and a week later nothing is left.
 *
 * What happens here is decided by a chance of its own, so all other worlds are what they were.
 */
import { isEngineError } from "../../src/errors.ts";
import { type ImportStep, openImportStep } from "../../src/format/import-step.ts";
import { openOperationRequest } from "../../src/format/operation.ts";
import { openImport } from "../../src/import-run.ts";
import {
  cancelImport,
  type ImportPlace,
  readImport,
  rejectedRows,
  submitImport,
} from "../../src/imports.ts";
import { expireOperations } from "../../src/operation-expiry.ts";
import { type RunOutcome, runOperation } from "../../src/operations.ts";
import type { SearchPorts } from "../../src/search-ports.ts";
import { importPrefix, numberOfImportStepKey, operationOfKey } from "../../src/store/keys.ts";
import { syncDigest } from "../sync-digest.ts";
import { searchPorts } from "./clients.ts";
import { type ImportedRow, ImportHistory, type ImportIntent } from "./import-history.ts";
import { SimImportReader } from "./import-reader.ts";
import { callOwner, removeName } from "./owner-client.ts";
import { Process } from "./process.ts";
import { SimRandom } from "./random.ts";
import type { SimName } from "./sim-name.ts";
import type { World } from "./world.ts";

const dayMs = 24 * 3_600_000;
/** Imports of a world, and deaths of consumers that run one of them. */
const importsMax = 3;
const deathsMax = 4;
/** Shorter than the keys of an import's writes are kept, even twice. */
const sleepHoursMax = 0.3;
const hostMs = 15 * 60_000;

export class Imports {
  readonly #world: World;
  readonly #random: SimRandom;
  readonly isOn: boolean;
  /** In the order they were asked for: a request names its place among them. */
  readonly #asked: ImportHistory[] = [];
  /** Those whose request has landed, by token. */
  readonly #known = new Map<string, { readonly place: ImportPlace; readonly of: ImportHistory }>();
  #attempts = 0;

  constructor(world: World, seed: number) {
    this.#world = world;
    this.#random = new SimRandom(seed + 7_000_003);
    // Of entries that go bad before they are known, nobody can say which rows they held.
    this.isOn = seed % 9 === 4 && !world.faults.isOn("object-rots");
  }

  start(): void {
    if (this.isOn) void this.#client(new Process(this.#world, "client of imports"));
  }

  // ---- What lands -------------------------------------------------------------------------------

  entered(generation: string, writes: ReadonlySet<number>): void {
    for (const history of this.#asked) history.entered(generation, writes);
  }

  async stored(key: string, bytes: Uint8Array): Promise<void> {
    const { place, object = "" } = operationOfKey(key) ?? {};
    if (place?.into === undefined) return;
    if (object === "request") {
      const { body } = await openOperationRequest(bytes, syncDigest);
      const of = this.#asked[body[0] ?? 0] as ImportHistory;
      this.#known.set(place.token, { place: { ...place, into: place.into }, of });
    } else if (object.startsWith("step/")) {
      const step = await openImportStep(bytes, numberOfImportStepKey(key) ?? 0, syncDigest);
      this.#known.get(place.token)?.of.stepped(step);
    }
  }

  // ---- The client -------------------------------------------------------------------------------

  async #client(process: Process): Promise<void> {
    const world = this.#world;
    const { thinkMsMin, thinkMsMax } = world.sizes;
    for (let imports = 0; imports < importsMax; imports++) {
      await process.pause(this.#random.spread(thinkMsMin, 4 * thinkMsMax), "import");
      if (world.isQuiet) return;
      world.begin();
      await this.#import(process, this.#random.pick(world.names)).catch((error: unknown) => {
        world.mustBeEngineError(error, "client of imports");
      });
      world.operations += 1;
    }
  }

  async #import(process: Process, name: SimName): Promise<void> {
    const random = this.#random;
    const ports = searchPorts(process);
    const { tenant, name: into } = name.identity;
    const history = new ImportHistory(this.#world, this.#plan());
    const body = Uint8Array.of(this.#asked.push(history) - 1);
    const place = await submitImport(ports, tenant, into, body);
    const deaths = { left: deathsMax };
    const messages = random.chance(0.3) ? 2 : 1;
    for (let i = 0; i < messages; i++) this.#deliver(place, history, deaths, random.spread(5, 500));
    // In its midst, most often.
    const steps = 1 + random.below(3);
    for (let waits = 0; waits < 40 && history.steps < steps; waits++) {
      await process.pause(random.spread(5, 1_000), "import goes on");
    }
    if (this.#world.isQuiet) return;
    this.#world.again();
    if (random.chance(0.3)) {
      history.isCancelAsked = true;
      await cancelImport(ports, place);
      history.cancelAcknowledged();
    } else if (random.chance(0.4)) await removeName(process, name);
    else await readImport(ports, place);
  }

  #plan(): ImportIntent {
    const random = this.#random;
    const { sizes, newTag } = this.#world;
    const stretchRows = 1 + random.below(Math.min(5, sizes.ids));
    const unfitShare = random.pick([0, 0.05, 0.3]);
    const first = random.below(sizes.ids);
    const row = (number: number): ImportedRow => ({
      number,
      // None twice in a stretch.
      id: (first + number) % sizes.ids,
      tag: newTag(),
      vector: Array.from({ length: 4 }, () => random.below(16) - 8),
      unfit: random.chance(unfitShare) ? random.pick(["read", "checked"]) : undefined,
    });
    const rows = Array.from({ length: 1 + random.below(8 * stretchRows) }, (_, i) => row(i));
    const sourceEnds = random.chance(0.5) ? [1 + random.below(rows.length)] : [];
    const stopsAtRejected = random.chance(0.4);
    return { rows, sourceEnds: [...sourceEnds, rows.length], stretchRows, stopsAtRejected };
  }

  // ---- Messages and consumers -------------------------------------------------------------------

  #deliver(place: ImportPlace, of: ImportHistory, deaths: { left: number }, ms: number): void {
    const { scheduler, isViolated } = this.#world;
    if (isViolated) return;
    scheduler.after(ms, "import message", () => {
      let isOver = false;
      const again = (afterMs: number): void => {
        if (isOver) return;
        isOver = true;
        this.#deliver(place, of, deaths, Math.max(1, afterMs));
      };
      const process = this.#consumer();
      if (deaths.left > 0 && this.#random.chance(0.4)) {
        deaths.left -= 1;
        scheduler.after(this.#random.spread(5, 3_000), "importer dies", () => {
          if (!isOver) process.kill();
          again(this.#random.spread(100, 90_000));
        });
      }
      scheduler.after(hostMs, "importer is late", () => again(1_000));
      this.#run(process, place, of).then(
        (outcome) => {
          if (outcome.kind === "pause") this.#world.faults.saw("import: paused");
          if (outcome.kind === "done") isOver = true;
          else again(outcome.afterMs);
        },
        (error: unknown) => {
          this.#world.mustBeEngineError(error, "importer");
          again(5_000);
        },
      );
    });
  }

  #consumer(): Process {
    this.#attempts += 1;
    const process = new Process(this.#world, `importer ${this.#attempts}`, sleepHoursMax);
    if (this.#random.chance(0.3)) process.skewMs = this.#random.between(-120_000, 120_000);
    return process;
  }

  #run(process: Process, place: ImportPlace, of: ImportHistory): Promise<RunOutcome> {
    const ports = searchPorts(process);
    const { tenant, into: name } = place;
    const target = { tenant, name, owner: callOwner(process, name) };
    const reader = new SimImportReader(process, this.#random, of.intent);
    return runOperation(ports, place, {
      open: (_, attempt) => openImport(ports, { place, target, reader, attempt }),
      refuse: async (error) => {
        this.#world.mustBeEngineError(error, "import");
        const isLost = isEngineError(error, "corrupt");
        if (isLost) this.#world.violate("import", String(error));
        const text = JSON.stringify({ status: "refused", error: String(error) });
        return { status: 400, body: new TextEncoder().encode(text) };
      },
    });
  }

  // ---- At rest ----------------------------------------------------------------------------------

  async settle(): Promise<void> {
    if (!this.isOn) return;
    const { scheduler, violate } = this.#world;
    let isDone = false;
    const end = async (): Promise<void> => {
      try {
        await this.#end(new Process(this.#world, "cron of imports"));
        isDone = true;
      } catch (error) {
        violate("import", `at rest: ${String(error)}`);
      }
    };
    void end();
    const untilMs = scheduler.nowMs + 4 * 3_600_000;
    await scheduler.run(untilMs, () => isDone || this.#world.isViolated);
    if (!isDone && !this.#world.isViolated) violate("stuck", "an import does not end");
  }

  async #end(process: Process): Promise<void> {
    const { store, tenant, violate } = this.#world;
    const ports = searchPorts(process);
    // Of a request whose client never heard that it is there, the cron sends the first message.
    for (;;) {
      await process.pause(10_000);
      const waiting = await expireOperations(ports, tenant);
      if (waiting.length === 0) break;
      for (const { token } of waiting) {
        const known = this.#known.get(token);
        if (known !== undefined) this.#deliver(known.place, known.of, { left: 0 }, 1);
      }
      await process.pause(120_000);
    }
    for (const { place, of } of this.#known.values()) await this.#judge(ports, place, of);
    process.skewMs = 8 * dayMs;
    await expireOperations(ports, tenant);
    const [left] = (await store.memory.list(importPrefix(tenant), { limit: 1 })).objects;
    if (left !== undefined) violate("orphans", `${left.key} outlives its import`);
  }

  async #judge(ports: SearchPorts, place: ImportPlace, of: ImportHistory): Promise<void> {
    const { faults, violate } = this.#world;
    const state = await readImport(ports, place);
    if (state?.operation.kind !== "finished") {
      violate("import", "it is gone, or has not ended");
      return;
    }
    const { step, operation } = state;
    const { status } = JSON.parse(new TextDecoder().decode(operation.result.body));
    const listed = await this.#listed(ports, place, step);
    of.ended({ status, step, listed });
    switch (status) {
      case "finished":
        faults.saw("import: finished");
        break;
      case "failed":
        faults.saw("import: failed");
        break;
      case "cancelled":
        faults.saw("import: cancelled");
        break;
      default:
        faults.saw("import: refused");
    }
  }

  async #listed(ports: SearchPorts, place: ImportPlace, step: ImportStep): Promise<number[]> {
    const numbers: number[] = [];
    for await (const lines of rejectedRows(ports, place, step)) {
      for (const line of new TextDecoder().decode(lines).trimEnd().split("\n")) {
        const { row, reason } = JSON.parse(line);
        if (!reason) this.#world.violate("import", `row ${row} is refused without a reason`);
        numbers.push(row);
      }
    }
    return numbers;
  }
}
