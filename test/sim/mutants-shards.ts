/** Bugs of shards: rows that are not where they are looked for, and what must notice. */
import { type Mutant, mutant } from "./mutant.ts";

export const shardMutants: readonly Mutant[] = [
  mutant(
    "a flush puts a row into the shard beside its own",
    "src/compact.ts",
    "splitIds(schema.idKind, live, shardCount(settings));",
    "splitIds(schema.idKind, live, Math.max(1, shardCount(settings) - 1));",
  ),
  {
    name: "a merge mixes shards",
    edits: [
      {
        file: "src/compaction/policy.ts",
        find: "const group = groups.get(segment.shard);",
        replace: "const group = [...groups.values()][0];",
      },
      {
        file: "src/compact-merge.ts",
        find: '  assert(isPure, "a merge keeps to one shard");\n',
        replace: '  assert(isPure || shard !== undefined, "");\n',
      },
    ],
  },
  mutant(
    "what a flush supersedes is looked for in another shard",
    "src/compact.ts",
    "(byShard.get(segment.shard) ?? [])",
    "(byShard.get((segment.shard ?? 0) + 1) ?? [])",
  ),
  mutant(
    "a copy of other shards takes its source's segments for its own",
    "src/branch-manifest.ts",
    "from !== to ? {} : { shard }",
    "shard >= to ? {} : { shard }",
  ),
  mutant(
    "what comes apart loses the first shard",
    "src/compact-merge.ts",
    "for (let shard = 0; shard < shards; shard++) {",
    "for (let shard = 1; shard < shards; shard++) {",
  ),
  mutant(
    "segments of rows of all shards stay as they are",
    "src/compaction/policy.ts",
    "unsorted: shard === undefined && shards > 1",
    "unsorted: shard === undefined && shards > 256",
  ),
  mutant(
    "what dies while segments come apart dies in the first of them",
    "src/compact.ts",
    "died[outputs[first + ordinal] as number]?.set(output);",
    "died[0]?.set(output);",
  ),
  mutant(
    "readers are not told what the tail replaces",
    "src/search-readers.ts",
    "touched: ids,",
    "touched: [],",
  ),
  mutant(
    "what a reader that failed would have read is left out",
    "src/search-readers.ts",
    "if (answer === undefined) left.push(...own);",
    "if (answer === undefined) left.push(...own.slice(1));",
  ),
  mutant(
    "a reader is told of the tail what belongs to another",
    "src/search-readers.ts",
    "const number = readerOf(shard);",
    "const number = readerOf((shard ?? 0) + 1);",
  ),
];
