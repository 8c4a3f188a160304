/** Bugs planted in imports of objects that lie in the bucket. */
import { type Mutant, mutant } from "./mutant.ts";

export const importMutants: readonly Mutant[] = [
  mutant(
    "an import's progress is saved before its rows are acknowledged",
    "src/import-run.ts",
    "        await this.#write(good);",
    "        this.#write(good).catch(() => undefined);",
  ),
  mutant(
    "an import's stretch that is written again has another key",
    "src/import-run.ts",
    "    const id = hash.slice(0, 16);",
    "    const id = this.#ports.random.bytes(hash.length / 2);",
  ),
  mutant(
    "an import goes on in whatever life its namespace has",
    "src/import-run.ts",
    "        ...(generation === undefined ? {} : { generation }),\n",
    "        ...(generation === undefined ? {} : {}),\n",
  ),
  mutant(
    "an import forgets in which steps rows were refused",
    "src/import-run.ts",
    "[...before.rejecting, before.number + 1]",
    "[before.number + 1]",
  ),
  mutant(
    "an import that ends at a row that is refused writes those behind it",
    "src/import-run.ts",
    "endsAt === undefined || number < endsAt",
    "endsAt === undefined || number >= 0",
  ),
  mutant(
    "an import that is cancelled goes on",
    "src/import-run.ts",
    '        if (await this.#isCancelled()) return ended("cancelled");\n',
    "",
  ),
];
