/** Every case of the store interface. Those of a bucket's binding are in bucket-cases.ts. */
import type { StoreCase } from "./case.ts";
import { listCases } from "./list-cases.ts";
import { objectCases } from "./object-cases.ts";
import { raceCases } from "./race-cases.ts";

export const storeCases: readonly StoreCase[] = [...objectCases, ...raceCases, ...listCases];
