/**
 * What every ObjectStore must do, promise by promise of its header. The cases are plain functions:
 * `npm test` runs them on the memory store in Node and on R2 in the Workers runtime, and
 * `npm run conformance` on a bucket of anybody's. The memory store is trusted because it passes
 * what the others pass.
 */
import { describe, it } from "vitest";
import type { CaseContext, StoreCase, StoreUnderTest } from "./store/case.ts";
import { storeCases } from "./store/cases.ts";

/** Small enough for every test run, and as fast as a store on this machine allows. */
const small = {
  sizes: { racers: 50, keys: 3, lateMs: 500 },
  skewMs: 1_000,
  rewriteMs: 0,
};

let prefixes = 0;

export function testObjectStore(
  name: string,
  open: () => Omit<StoreUnderTest, keyof typeof small>,
  cases: readonly StoreCase[] = storeCases,
): void {
  for (const [group, members] of Map.groupBy(cases, (each) => each.group)) {
    describe(`${name}: ${group}`, () => {
      for (const { title, run } of members) {
        it(title, async () => {
          prefixes += 1;
          const context: CaseContext = { ...small, ...open(), prefix: `conformance/${prefixes}/` };
          await run(context);
        });
      }
    });
  }
}
