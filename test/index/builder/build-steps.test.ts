/** Merges that end after any of their steps and are gone on with, from what was stored. */
import { describe, expect, it } from "vitest";
import { Bitmap } from "../../../src/bytes/bitmap.ts";
import { openBuildStep, sealBuildStep } from "../../../src/format/build-step.ts";
import { mergeSegments } from "../../../src/index/builder/build-segment.ts";
import {
  BuildPaused,
  type StepLog,
  type StepState,
} from "../../../src/index/builder/build-steps.ts";
import { MemoryLedger } from "../../../src/index/builder/memory-ledger.ts";
import {
  build,
  byId,
  home,
  makeDocuments,
  makeSchema,
  makeSpec,
  Objects,
  ports,
  readAll,
} from "../segment-lab.ts";

const names = ["order", "planes", "documents", "ids", "columns", "order of side", "planes of side"];

/** A log that has gone through storage, which ends the attempt after every `every`-th step. */
function logOver(done: readonly StepState[], saved: StepState[], every: number): StepLog {
  let count = 0;
  return {
    done,
    async save(state, number) {
      const place = { generation: home.generation, segment: "m", number };
      const { bytes } = await sealBuildStep({ ...place, state }, ports.digest);
      saved.push((await openBuildStep(bytes, place, ports.digest)) as StepState);
      count += 1;
      return count % every === 0 ? "pause" : "go on";
    },
  };
}

describe.each([
  [16, [900, 40]],
  [0, [300, 200]],
  [20, [4_400, 4_200]],
] as [number, number[]][])("a merge of %i dimensions of %j documents", (dims, counts) => {
  const metric = "euclidean_squared";
  const schema = makeSchema("string", dims, metric);
  const setUp = async () => {
    const objects = new Objects();
    let first = 0;
    const inputs = [];
    for (const [i, count] of counts.entries()) {
      const documents = makeDocuments({
        count,
        dims,
        idKind: "string",
        first,
        seed: i,
        centers: 9,
      });
      const { segment } = await build(documents, schema, `flush-${i}`, objects);
      inputs.push({ segment, dead: Bitmap.of(count, [1, 5, 7]) });
      first += count;
    }
    return { objects, inputs };
  };

  it.each([1, 2])(
    "gone on with after every %i steps is the merge at one go",
    async (every) => {
      const { objects, inputs } = await setUp();
      const spec = { ...makeSpec("m", schema), level: 1 };
      const saved: StepState[] = [];
      let built: Awaited<ReturnType<typeof mergeSegments>>;
      let attempts = 0;
      while (built === undefined) {
        attempts += 1;
        const ledger = new MemoryLedger();
        const log = logOver([...saved], saved, every);
        try {
          built = await mergeSegments(inputs, objects.read, spec, ports, objects.sink, ledger, log);
          expect(ledger.held).toBe(0);
        } catch (error) {
          expect(error).toBeInstanceOf(BuildPaused);
        }
      }
      const steps = dims === 0 ? names.filter((name) => !/planes|side/.test(name)) : names;
      expect(saved.map(({ step }) => step)).toEqual(steps);
      expect(attempts).toBe(1 + Math.floor(steps.length / every));
      const whole = await mergeSegments(
        inputs,
        objects.read,
        { ...spec, id: "whole" },
        ports,
        objects.sink,
      );
      const got = readAll({ segment: objects.open(built), objects });
      const wanted = readAll({
        segment: objects.open(whole as NonNullable<typeof whole>),
        objects,
      });
      expect(byId(got)).toEqual(byId(wanted));
      expect(built.info.digest).toBe(whole?.info.digest);
    },
    60_000,
  );
});
