/**
 * Any patches, conditions and writes by filter, one after the other, against the definition of what
 * they do: in the tail, in segments and in both.
 */
import { expect, test } from "vitest";
import { ChangeRig } from "./change-rig.ts";
import type { OracleFilter } from "./oracle/brute-force.ts";
import { BruteForce } from "./oracle/brute-force.ts";
import {
  applyWrite,
  type OracleCondition,
  type OracleRow,
  type OracleWrite,
} from "./oracle/writes.ts";
import { SimRandom } from "./sim/random.ts";

const ids = 12;
const tags = ["a", "b", "c"];

function randomRow(random: SimRandom, id: number, isPatch: boolean): OracleRow {
  const values = {
    n: random.below(6),
    m: random.below(6),
    tags: tags.filter(() => random.chance(0.5)),
    name: random.pick(tags),
  };
  const kept = Object.entries(values).filter(() => random.chance(0.6));
  const nulls = isPatch && random.chance(0.3) ? [[random.pick(["n", "tags"]), null] as const] : [];
  return Object.fromEntries([...kept, ...nulls, ["id", id]]) as OracleRow;
}

function randomFilter(random: SimRandom): OracleFilter {
  const n = random.below(6);
  switch (random.below(7)) {
    case 0:
      return ["n", random.pick(["Eq", "NotEq", "Lt", "Lte", "Gt", "Gte"]), n];
    case 1:
      return ["id", random.pick(["Gt", "Lte", "Eq"]), random.below(ids)];
    case 2:
      return ["tags", random.pick(["In", "NotIn"]), [random.pick(tags)]];
    case 3:
      return ["name", random.pick(["Eq", "NotEq", "Lt", "Gte"]), random.chance(0.2) ? null : "b"];
    case 4:
      return ["Not", randomFilter(random)];
    default:
      return [random.pick(["And", "Or"] as const), [randomFilter(random), ["n", "Eq", n]]];
  }
}

function randomCondition(random: SimRandom): OracleCondition {
  switch (random.below(6)) {
    case 0:
      return ["n", random.pick(["Lt", "Gte", "Eq", "NotEq"]), { $ref_new: "n" }];
    case 1:
      return ["m", random.pick(["Gt", "Lte"]), { $ref_new: "n" }];
    case 2:
      return ["tags", random.pick(["Eq", "NotEq", "In"]), { $ref_new: "tags" }];
    case 3:
      return ["name", random.pick(["In", "NotIn"]), { $ref_new: "name" }];
    case 4:
      return ["Or", [randomFilter(random), ["id", "Eq", null]]];
    default:
      return randomFilter(random);
  }
}

function randomWrite(random: SimRandom): OracleWrite {
  const rows = { upsert: [] as number[], patch: [] as number[], delete: [] as number[] };
  for (let id = 0; id < ids; id++) {
    if (random.chance(0.4))
      rows[random.pick(["upsert", "patch", "patch", "delete"] as const)].push(id);
  }
  const has = (share: number): boolean => random.chance(share);
  const deletesByFilter = has(0.2);
  const patchesByFilter = has(0.3);
  const { id: _, ...patch } = randomRow(random, 0, true);
  return {
    ...(has(0.7) ? { upsert_rows: rows.upsert.map((id) => randomRow(random, id, false)) } : {}),
    ...(has(0.7) ? { patch_rows: rows.patch.map((id) => randomRow(random, id, true)) } : {}),
    ...(has(0.5) ? { deletes: rows.delete } : {}),
    ...(deletesByFilter ? { delete_by_filter: randomFilter(random) } : {}),
    ...(patchesByFilter ? { patch_by_filter: { filters: randomFilter(random), patch } } : {}),
    ...(has(0.5) ? { upsert_condition: randomCondition(random) } : {}),
    ...(has(0.5) && !patchesByFilter ? { patch_condition: randomCondition(random) } : {}),
    ...(has(0.5) && !deletesByFilter ? { delete_condition: randomCondition(random) } : {}),
  };
}

test.each(Array.from({ length: 6 }, (_, seed) => seed))(
  "writes do what is said of them (%i)",
  async (seed) => {
    const random = new SimRandom(seed + 1);
    const rig = new ChangeRig();
    const all = Object.fromEntries([
      ["id", 0],
      ["n", 1],
      ["m", 1],
      ["tags", ["a"]],
      ["name", "a"],
    ]);
    await rig.post({ upsert_rows: [all] });
    const oracle = new BruteForce();
    applyWrite(oracle, { upsert_rows: [all as OracleRow] });
    for (let step = 0; step < 30; step++) {
      const write = randomWrite(random);
      const expected = applyWrite(oracle, write);
      const answer = await rig.post({ ...write, return_affected_ids: true });
      const told = [answer.upserted_ids ?? [], answer.patched_ids ?? [], answer.deleted_ids ?? []];
      expect(told, JSON.stringify(write)).toEqual([
        expected.upserted,
        expected.patched,
        expected.deleted,
      ]);
      const count = told.reduce((sum, list) => sum + list.length, 0);
      expect(answer.rows_affected).toBe(count);
      const rows = oracle.byId(false).map(({ id, document }) => ({ id, ...document.attributes }));
      expect(await rig.rows(), JSON.stringify(write)).toEqual(rows);
      if (random.chance(0.15)) await rig.flush();
    }
  },
);
