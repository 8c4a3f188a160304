import { expect, it } from "vitest";
import { Ledger } from "../../scripts/crash/ledger.ts";

const put = (id: number, version: number) => ({ id, version });
const gone = (id: number) => ({ id, version: 0 });
const nothing = { lost: 0, duplicated: 0, torn: 0 };

function ledgerWith(...batches: readonly (readonly { id: number; version: number }[])[]): Ledger {
  const ledger = new Ledger();
  for (const batch of batches) {
    ledger.begin(0, batch);
    ledger.acknowledge(0);
  }
  return ledger;
}

it("finds nothing wrong where every acknowledged write is there", () => {
  const ledger = ledgerWith([put(1, 1), put(2, 1)], [put(1, 2), gone(2)]);
  expect(ledger.acknowledgedOperations).toBe(4);
  expect(ledger.settle([put(1, 2)])).toMatchObject(nothing);
});

it("counts as lost what is missing, older, or back after its deletion", () => {
  const ledger = ledgerWith([put(1, 1), put(2, 1), put(3, 1)], [put(2, 2), gone(3)]);
  expect(ledger.settle([put(2, 1), put(3, 1)])).toMatchObject({ ...nothing, lost: 3 });
});

it("counts as duplicated what is there twice, or in a version nobody wrote", () => {
  const ledger = ledgerWith([put(1, 1), put(2, 1)]);
  const found = [put(1, 1), put(1, 1), put(2, 9), put(3, 1)];
  expect(ledger.settle(found)).toMatchObject({ ...nothing, duplicated: 3 });
});

it("accepts a batch in doubt as a whole, or not at all, and remembers which", () => {
  const batch = [put(1, 2), gone(2)];
  const applied = ledgerWith([put(1, 1), put(2, 1)]);
  applied.begin(0, batch);
  expect(applied.settle([put(1, 2)])).toMatchObject({ ...nothing, applied: 1 });
  expect(applied.settle([put(1, 1), put(2, 1)])).toMatchObject({ ...nothing, lost: 2 });

  const dropped = ledgerWith([put(1, 1), put(2, 1)]);
  dropped.begin(0, batch);
  expect(dropped.settle([put(1, 1), put(2, 1)])).toMatchObject({ ...nothing, applied: 0 });
  expect(dropped.settle([put(1, 2)])).toMatchObject({ lost: 1, duplicated: 1 });
});

it("sees half of a batch in doubt", () => {
  const ledger = ledgerWith([put(1, 1), put(2, 1)]);
  ledger.begin(0, [put(1, 2), put(2, 2)]);
  expect(ledger.settle([put(1, 2), put(2, 1)])).toMatchObject({ ...nothing, torn: 1 });
});

it("does not take a delete of what was never there for half of a batch", () => {
  const ledger = ledgerWith([put(1, 1)]);
  ledger.begin(0, [put(1, 2), gone(7)]);
  expect(ledger.settle([put(1, 1)])).toMatchObject({ ...nothing, applied: 0 });
});
