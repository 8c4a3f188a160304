/**
 * Bugs planted on purpose: each is an edit of the sources, made while they are loaded. A simulation
 * that does not notice one of them would not notice the real bug either.
 */

import { type Mutant, mutant } from "./mutant.ts";
import { branchMutants } from "./mutants-branches.ts";
import { changeMutants } from "./mutants-changes.ts";
import { filterMutants } from "./mutants-filters.ts";
import { furtherMutants } from "./mutants-further.ts";
import { importMutants } from "./mutants-imports.ts";
import { mergeMutants } from "./mutants-merges.ts";
import { pastMutants } from "./mutants-past.ts";
import { quarantineMutants } from "./mutants-quarantine.ts";
import { queryMutants } from "./mutants-queries.ts";
import { settingMutants } from "./mutants-settings.ts";
import { shardMutants } from "./mutants-shards.ts";
import { textMutants } from "./mutants-texts.ts";
import { writeMutants } from "./mutants-writes.ts";

export const mutants: readonly Mutant[] = [
  ...quarantineMutants,
  ...branchMutants,
  ...changeMutants,
  ...settingMutants,
  ...shardMutants,
  ...pastMutants,
  ...mergeMutants,
  ...queryMutants,
  ...filterMutants,
  ...furtherMutants,
  ...textMutants,
  ...importMutants,
  mutant(
    "a put of unknown outcome counts as stored, and the slot is skipped",
    "src/store/slot.ts",
    'answer = { kind: "unknown" };',
    'answer = { kind: "stored" };',
  ),
  {
    name: "a put of unknown outcome counts as failed",
    edits: [
      {
        file: "src/store/slot.ts",
        find: 'if (!isTransient(error) && !isEngineError(error, "conflict")) {',
        replace: "if (attempt >= 0) {",
      },
      {
        file: "src/commit.ts",
        find: "member.fail(isSent ? outcomeUnknown() : error);",
        replace: 'member.fail(new EngineError("conflict", String(error)));',
      },
      {
        file: "src/commit.ts",
        find: "    this.#ports.abort(`commit failed: ${String(error)}`);\n",
        replace: "",
      },
    ],
  },
  mutant(
    "no nonce: one's own entry is taken for another's",
    "src/store/slot.ts",
    "return equalBytes(answer.bytes, bytes)",
    "return answer.bytes === undefined",
  ),
  mutant(
    "an occupied slot counts as ours",
    "src/store/slot.ts",
    "return equalBytes(answer.bytes, bytes)",
    "return answer.bytes !== undefined",
  ),
  mutant(
    "storage does not refuse an instance that was replaced",
    "test/sim/sim-object.ts",
    "    return this.#number === this.#object.newest;",
    "    return this.#number > 0;",
  ),
  {
    name: "no fence: neither before a put nor before the answer",
    edits: [
      { file: "src/owner-store.ts", find: "      this.#fence(),\n", replace: "" },
      { file: "src/owner-store.ts", find: "const [, result]", replace: "const [result]" },
      { file: "src/commit.ts", find: "    await this.#host.record();\n", replace: "" },
    ],
  },
  mutant(
    "an adopted entry's schema is not looked at again",
    "src/namespace/admission.ts",
    "    if (request.schemaVersion !== this.#outlook.schema.version) {",
    "    if (request.schemaVersion < 0) {",
  ),
  {
    name: "a delta need not know what died meanwhile, and needs no ticket",
    edits: [
      {
        file: "src/compaction/delta.ts",
        find: "if (now.dead.version !== version) {",
        replace: "if (now.dead.version < 0) {",
      },
      {
        file: "src/compaction/delta.ts",
        find: "if (to.version <= from ||",
        replace: "if (",
      },
      {
        file: "src/namespace/jobs.ts",
        find: "  return ticket !== undefined && !isMine && lasts(",
        replace: "  return ticket?.job === '' && !isMine && lasts(",
      },
    ],
  },
  mutant(
    "a merge forgets what died since it read its inputs",
    "src/compact.ts",
    "if (info.dead.version !== deadVersions[i]) {",
    "if (info.dead.version < 0) {",
  ),
  mutant(
    "a flush forgets deletions",
    "src/compaction/fold.ts",
    "return { touched, live, documents };",
    "return { touched: live, live, documents };",
  ),
  mutant(
    "the oldest operation wins in a flush",
    "src/compaction/fold.ts",
    "for (let b = batches.length - 1; b >= 0; b--) {",
    "for (let b = 0; b < batches.length; b++) {",
  ),
  mutant(
    "a flush does not carry over what is already dead",
    "src/compact.ts",
    "const bitmap = await reader.deadRows(segment);",
    "const bitmap = new Bitmap(segment.rows);",
  ),
  mutant(
    "the tail does not mask segments in listings",
    "src/search-order.ts",
    "    return !touched.has(id);",
    "    return !touched.has(id) || true;",
  ),
  mutant(
    "the tail does not mask segments in vector search",
    "src/search-vector.ts",
    "[...tail.touched]",
    "[]",
  ),
  mutant(
    "deletions of the tail mask nothing",
    "src/query/tail.ts",
    "      this.touched.add(id);",
    "      if (row < batch.upserts) this.touched.add(id);",
  ),
  mutant(
    "the collector deletes one log entry too many",
    "src/collect.ts",
    "    if (sequence === undefined || sequence >= end) {",
    "    if (sequence === undefined || sequence > end) {",
  ),
  mutant(
    "a strong query trusts a young snapshot",
    "src/snapshot.ts",
    'if (consistency === "eventual" && last !== undefined && age <= limits.eventualAgeMsMax) {',
    "if (last !== undefined && age <= limits.eventualAgeMsMax) {",
  ),
  mutant(
    "without the owner a strong query takes its last snapshot for the newest",
    "src/snapshot.ts",
    "    return readForward(ports, last, askedMs);",
    "    return last;",
  ),
  mutant(
    "a query joins a call of the owner that began before it",
    "src/store/shared-calls.ts",
    "    if (this.#isAlive(clock, line.gathering)) return this.#follow(clock, line.gathering, work);\n",
    "    if (key !== '') return this.#follow(clock, line.underWay, work);\n",
  ),
  mutant(
    "the alarm does not send lost hints again",
    "src/owner-jobs.ts",
    "    this.#tellQueue();\n    // The alarm",
    "    // The alarm",
  ),
  mutant(
    "a lease never ends",
    "src/namespace/jobs.ts",
    "  return lasts(job.leaseUntilMs, limits.leaseMs, nowMs);",
    "  return job.leaseUntilMs > 0;",
  ),
  mutant(
    "bytes of the edge cache are believed",
    "src/store/block-cache.ts",
    "    if (bytes.length !== block.length || !block.verify(bytes)) {",
    "    if (bytes.length !== block.length) {",
  ),
  mutant(
    "bytes of the store are believed",
    "src/store/block.ts",
    "  if (bytes.length !== block.length || !block.verify(bytes)) {",
    "  if (bytes.length !== block.length) {",
  ),
  mutant(
    "a deletion does not reach the registry",
    "src/owner-branch.ts",
    'state: "deleted" as const',
    'state: "live" as const',
  ),
  mutant(
    "a merge puts nothing in the place of its inputs",
    "src/compact.ts",
    "      ...addition(living.map(({ built }) => built)),",
    "      ...addition([]),",
  ),
  mutant(
    "the tail masks only where its newest version matches the filter",
    "src/search.ts",
    "  const rows = filterRows(batch, tail.fold.add(batch), filter);\n",
    `  const rows = filterRows(batch, tail.fold.add(batch), filter);
  batch.ids.forEach((id, row) => {
    if (row < batch.upserts && !rows.includes(row)) tail.fold.touched.delete(id);
  });
`,
  ),
  // Either by itself does no harm: what `current` names is never collected before it moves on.
  {
    name: "recovery takes a lagging `current` for the newest, and the collector does not ask it",
    edits: [
      {
        file: "src/recover.ts",
        find: "for (let version = Math.max(1, start); ; version += 1) {",
        replace: "for (let version = Math.max(1, start); !(start > 0 && manifest); version += 1) {",
      },
      {
        file: "src/collect.ts",
        find: "const current = pointer?.manifestVersion ?? 0;",
        replace: "const current = job.manifest.version + 0 * (pointer?.manifestVersion ?? 0);",
      },
    ],
  },
  mutant(
    "what is old is an orphan, whoever names it",
    "src/orphans.ts",
    'return !named.has(found.kind === "dead"',
    'return named.size >= 0 || !named.has(found.kind === "dead"',
  ),
  mutant(
    "a job cleans up when it does not hear whether its commit went through",
    "src/compact-resolve.ts",
    "  return replyValue(await api.commitDelta(tenant, name, job.id, job.attempt, delta, inline));",
    `  try {
    return replyValue(await api.commitDelta(tenant, name, job.id, job.attempt, delta, inline));
  } catch (error) {
    const root = generationRoot(tenant, job.generation);
    await context.ports.store.delete(delta.add.map(({ id }) => root + "segment/" + id));
    throw error;
  }`,
  ),
  mutant(
    "a commit unites the segments of its job's manifest with those it leaves",
    "src/compaction/delta.ts",
    "  segments.push(...delta.add);\n",
    `  segments.push(...delta.add, ...manifest.segments.filter(({ id }) => removed.has(id)));
  dead.length = 0;
`,
  ),
  {
    name: "a job whose lease is gone may still commit",
    edits: [
      {
        file: "src/owner-jobs.ts",
        find: "if (job === undefined || delta.job !== id || isBarred(this.#table, job, now)) {",
        replace: "if (delta.job !== id) {",
      },
      {
        file: "src/owner-jobs.ts",
        find: '      return { kind: "void", reason: "the lease is gone" };\n',
        replace:
          '      return { kind: "granted", manifest: this.#host.state().manifest, untilMs: now };\n',
      },
      {
        file: "src/compact-resolve.ts",
        find: "      if (!replyValue(reply)) {",
        replace: "      if (replyValue(reply) === undefined) {",
      },
    ],
  },
  mutant(
    "a merge takes a living row for a dead one",
    "src/compact-steps.ts",
    "dead: await reader.deadRows(segment.info) }",
    "dead: await reader.deadRows(segment.info).then((dead) => { dead.set(0); return dead; }) }",
  ),
  mutant(
    "a merge brings dead rows back",
    "src/compact-steps.ts",
    "dead: await reader.deadRows(segment.info) }",
    "dead: new Bitmap(segment.info.rows) }",
  ),
  {
    name: "a merge doubles a row",
    edits: [
      {
        file: "src/index/builder/merge-input.ts",
        find: "  return live;\n",
        replace: "  return Uint32Array.of(...live.subarray(0, 1), ...live);\n",
      },
      {
        file: "src/index/builder/merge-ids.ts",
        find: "  for await (const items of",
        replace: "  for await (const some of",
      },
      {
        file: "src/index/builder/merge-ids.ts",
        find: "    yield { ids: items.map",
        replace:
          "    const low = Math.min(...some.map(({ row }) => row));\n" +
          "    const items = some.flatMap((item) => (item.row === low ? [item, item] : [item]));\n" +
          "    yield { ids: items.map",
      },
    ],
  },
  mutant(
    "a merge gives ids the documents of other rows",
    "src/index/builder/merge-source.ts",
    "  return { ids, rows };\n",
    "  return { ids, rows: rows.toReversed() };\n",
  ),
  {
    name: "a merge gives ids the documents of other rows, and its builder does not look",
    edits: [
      {
        file: "src/index/builder/merge-source.ts",
        find: "  return { ids, rows };\n",
        replace: "  return { ids, rows: rows.toReversed() };\n",
      },
      {
        file: "src/index/builder/document-writer.ts",
        find: "  if (wrong >= 0) {",
        replace: "  if (wrong < -1) {",
      },
    ],
  },
  mutant(
    "a merge gives ids the vectors of other rows",
    "src/index/builder/merge-gather.ts",
    "      const at = (visit.positions[i] as number) * dims;",
    "      const at = out.length - dims - (visit.positions[i] as number) * dims;",
  ),
  mutant(
    "a flush gives documents the attributes of another",
    "src/compaction/fold.ts",
    "[at] = values[row] ?? null;",
    "[at] = values[0] ?? null;",
  ),
  mutant(
    "the digest of dead rows begins anew with every flush",
    "src/compact.ts",
    "  let { digest } = segment.dead;",
    "  let digest = 0n;",
  ),
  mutant(
    "a merge does not count what died meanwhile into the digest",
    "src/compact.ts",
    "digest: digestOf(built, died) }",
    "digest: 0n }",
  ),
  {
    name: "what died meanwhile dies at the wrong rows of the merge's output",
    edits: [
      {
        file: "src/compact.ts",
        find: "?.set(output);",
        replace: "?.set((built[0]?.info.rows ?? 0) - 1 - output);",
      },
    ],
  },
  {
    name: "a merge takes a living row for a dead one, and the owner does not look",
    edits: [
      {
        file: "src/compact-steps.ts",
        find: "dead: await reader.deadRows(segment.info) }",
        replace:
          "dead: await reader.deadRows(segment.info).then((dead) => { dead.set(0); return dead; }) }",
      },
      {
        file: "src/publish.ts",
        find: "  if (fault !== undefined) {",
        replace: "  if (fault === '') {",
      },
    ],
  },
  ...writeMutants,
];
