/**
 * The owner's jobs: what is due, who has it, and the commit of what they built.
 *
 *   hint      a message without content says that something is due; lost ones are sent again by
 *             the alarm
 *   claim     hands out one job under a lease, in the order of owner-due.ts
 *   ticket    the short exclusive permission to finish; flushes get it in the order of their ranges
 *   commit    checks lease, ticket and delta, publishes the manifest, forgets the job. A delta that
 *             breaks an invariant is our own mistake: refused, logged, the job barred for a while
 *
 * The table is written to the object's storage at every change. Losing it makes running jobs void:
 * their outputs become orphans that the collector finds, and the same ranges are handed out again.
 */
import { encodeHex } from "./bytes/hex.ts";
import { applyDelta } from "./compaction/delta.ts";
import { deadName } from "./compaction/protection.ts";
import { EngineError } from "./errors.ts";
import type { DeadRecord, Manifest } from "./format/manifest.ts";
import { limits } from "./limits.ts";
import { floorFault } from "./namespace/invariants.ts";
import {
  barJob,
  claimJob,
  emptyJobTable,
  failJob,
  finishCollect,
  finishDelta,
  finishJob,
  heldJob,
  isBarred,
  type JobRecord,
  type JobTable,
  releaseJob,
  renewJob,
  suspectOrphans,
  tableFor,
  takeTicket,
  type UnclaimedJob,
} from "./namespace/jobs.ts";
import { dropEndedPins } from "./namespace/pins.ts";
import type { DeltaReply, IndexStatus, Job, Kept, TicketReply } from "./namespace/protocol.ts";
import type { RecallHistory } from "./namespace/recall-history.ts";
import {
  applyManifest,
  bytesBelow,
  exists,
  leavesOutSkipped,
  type NamespaceState,
} from "./namespace/state.ts";
import type { DeltaArguments, FinishArguments, UsageArguments } from "./namespace/usage-history.ts";
import { dueJob, indexStatus, isVoid, jobOf, neglectedFrom, nextAlarmMs } from "./owner-due.ts";
import { keepInline } from "./owner-head.ts";
import { withUsage } from "./owner-notes.ts";
import type { JobHost, OwnerPorts } from "./owner-ports.ts";
import { publishManifest } from "./publish.ts";

type PublishReply = DeltaReply | { readonly kind: "faulty"; readonly reason: string };

const hintIntervalMs = 1_000;
const ended: DeltaReply = { kind: "refused", reason: "the namespace was deleted" };

export class OwnerJobs {
  /** Its store fences every put. */
  readonly #ports: OwnerPorts;
  readonly #host: JobHost;
  #table: JobTable = emptyJobTable("");
  #hintedMs = Number.NEGATIVE_INFINITY;
  #alarmMs = Number.POSITIVE_INFINITY;
  #publishing: Promise<unknown> = Promise.resolve();

  constructor(ports: OwnerPorts, host: JobHost) {
    this.#ports = ports;
    this.#host = host;
  }

  /** At the start of an instance. */
  async start(): Promise<void> {
    const stored = await this.#ports.storage.readJobs();
    const now = this.#ports.clock.now();
    const state = this.#host.state();
    const table = tableFor(stored, state.generation, now);
    // A lost table may have had jobs, and those outputs.
    await this.#save(stored === undefined && exists(state) ? suspectOrphans(table, now) : table);
    this.hint();
  }

  /** For an instance that changes nothing: what there is to do, without doing any of it. */
  async load(): Promise<void> {
    const stored = await this.#ports.storage.readJobs();
    const now = this.#ports.clock.now();
    this.#table = tableFor(stored, this.#host.state().generation, now);
  }

  /** The name begins a new life, in this turn: jobs of the old one are void from now on. */
  async beginLife(): Promise<void> {
    const now = this.#ports.clock.now();
    await this.#save(tableFor(this.#table, this.#host.state().generation, now));
    this.hint();
  }

  /** Once they are old enough, somebody looks; one look is enough for all of an hour. */
  async expectOrphans(): Promise<void> {
    const now = this.#ports.clock.now();
    if ((this.#table.sweepLastMs ?? 0) < now + limits.orphanAgeMs) {
      await this.#save(suspectOrphans(this.#table, now));
      this.hint();
    }
  }

  /** Resolves when no manifest is being published. */
  async idle(): Promise<void> {
    await this.#publishing;
  }

  /** Tells the queue, at most once a second, that something is due, and arms the alarm. */
  hint(): void {
    this.#tellQueue();
    this.#ports.defer(this.#armNext());
  }

  async alarm(): Promise<void> {
    this.#alarmMs = Number.POSITIVE_INFINITY;
    this.#hintedMs = Number.NEGATIVE_INFINITY;
    this.#tellQueue();
    // The alarm that rang is gone: its successor must be there before this one is done.
    await this.#armNext();
  }

  /** There will be a tail: an alarm must be there before anything of it is acknowledged. */
  async armForWrite(): Promise<void> {
    if (this.#alarmMs === Number.POSITIVE_INFINITY) {
      await this.#arm(this.#ports.clock.now() + limits.flushAgeSmallMs);
    }
  }

  async requestFlush(): Promise<void> {
    await this.#save({ ...this.#table, flushBelow: this.#host.state().next });
    this.#hintedMs = Number.NEGATIVE_INFINITY;
    this.hint();
  }

  async claim(): Promise<Job | undefined> {
    const now = this.#ports.clock.now();
    const due = this.#due(now);
    if (due === undefined) return undefined;
    const claimed = claimJob(dropEndedPins(this.#table, now), due, now);
    // As things are in this turn: the name may begin another life while the claim is written.
    const job = jobOf(claimed.job, this.#host.state(), claimed.table);
    await this.#save(claimed.table);
    // More may be due: let another consumer start beside this one.
    this.hint();
    return job;
  }

  async renew(id: string, attempt: number): Promise<boolean> {
    const now = this.#ports.clock.now();
    const job = heldJob(this.#table, id, attempt, now);
    if (job === undefined) return false;
    await this.#save(renewJob(this.#table, job, now));
    return true;
  }

  async ticket(id: string, attempt: number): Promise<TicketReply> {
    const now = this.#ports.clock.now();
    const job = heldJob(this.#table, id, attempt, now);
    if (job === undefined) {
      return { kind: "void", reason: "the lease is gone" };
    }
    const { manifest } = this.#host.state();
    if (job.wal !== undefined && job.wal.from > manifest.floor) {
      if (neglectedFrom(this.#table, manifest, now) > job.wal.from) {
        return { kind: "wait", ms: 250 };
      }
      // Whoever waits here may be the only one who could do the earlier range.
      await this.#save(releaseJob(this.#table, job, now));
      this.hint();
      return { kind: "void", reason: "an earlier range has nobody" };
    }
    const taken = takeTicket(this.#table, job, now);
    if (taken === undefined) {
      return { kind: "wait", ms: 100 };
    }
    await this.#save(taken.table);
    return {
      kind: "granted",
      manifest: this.#host.state().manifest,
      untilMs: taken.ticket.untilMs,
    };
  }

  async commitDelta(...[id, attempt, delta, inline, usage]: DeltaArguments): Promise<DeltaReply> {
    const reply = await this.#publish(({ manifest, createdMs, tail }) => {
      if (manifest.applied.includes(delta.id)) {
        return { kind: "committed", version: manifest.version };
      }
      const now = this.#ports.clock.now();
      const job = heldJob(this.#table, id, attempt, now);
      if (job === undefined || delta.job !== id || isBarred(this.#table, job, now)) {
        return { kind: "refused", reason: "the lease is gone, or another job's turn has come" };
      }
      if (!leavesOutSkipped(tail, delta.floor)) {
        return { kind: "refused", reason: "an entry of the range is skipped by now" };
      }
      const stamp = { ...this.#stamp(), logBytes: bytesBelow(tail, delta.floor?.to ?? 0) };
      const applied = applyDelta({ ...manifest, createdMs }, delta, stamp);
      return applied.kind === "refused" ? applied : applied.manifest;
    });
    if (reply.kind === "faulty") {
      await this.fail(id, attempt, reply.reason, barJob);
      return { kind: "refused", reason: reply.reason };
    }
    if (reply.kind === "committed") {
      const { generation } = this.#host.state();
      keepInline(this.#ports, this.#host.identity().tenant, generation, delta, inline);
      this.#note(id, usage);
      await this.#save(finishDelta(this.#table, id, delta));
      await this.#host.movePointer();
      this.#hintedMs = Number.NEGATIVE_INFINITY;
      this.hint();
    }
    return reply;
  }

  /** `version`: the newest manifest whose dead records the collector has seen to. */
  async finish(...[id, attempt, version, kept, usage]: FinishArguments): Promise<true> {
    const now = this.#ports.clock.now();
    this.#note(id, usage);
    const job = heldJob(this.#table, id, attempt, now);
    if (job?.deadBeforeMs !== undefined) {
      await this.#finishCollect(job, job.deadBeforeMs, version, kept);
    } else if (job !== undefined) {
      await this.#save(finishJob(this.#table, job, now));
    }
    this.hint();
    return true;
  }

  /** What a job has cost is stored with its end; a repeated call finds no job any more. */
  #note(id: string, usage: UsageArguments | undefined): void {
    if (usage === undefined || !this.#table.jobs.some((job) => job.id === id)) return;
    this.#table = withUsage(this.#table, usage, this.#ports.clock.now());
  }

  /** Drops the records of what is gone. What is held remains, and is not due by its age. */
  async #finishCollect(
    job: JobRecord,
    before: number,
    version: number,
    kept: Kept = { dead: [], againMs: undefined },
  ): Promise<void> {
    const isHeld = (): boolean =>
      heldJob(this.#table, job.id, job.attempt, this.#ports.clock.now()) !== undefined;
    const names = new Set(kept.dead.map(deadName));
    const isKept = ({ object }: DeadRecord): boolean => names.has(deadName(object));
    const reply = await this.#publish(({ manifest }) => {
      const dead = manifest.dead.filter(
        (record) => record.sinceMs > before || record.version > version || isKept(record),
      );
      return !isHeld() || dead.length === manifest.dead.length
        ? { kind: "refused", reason: "nothing was collected" }
        : { ...manifest, ...this.#stampedVersion(manifest), dead };
    });
    const old = this.#host.state().manifest.dead.filter(({ sinceMs }) => sinceMs <= before);
    const isAllKept = old.length > 0 && old.every(isKept);
    const isEarly = reply.kind === "refused" && job.sweeps !== true && !isAllKept;
    if (reply.kind === "faulty" || isEarly) {
      // `current` lags behind: not at once again.
      await this.fail(job.id, job.attempt, reply.reason);
    } else if (isHeld()) {
      const now = this.#ports.clock.now();
      const keptBeforeMs = isAllKept ? before : 0;
      await this.#save(finishCollect(this.#table, job, now, keptBeforeMs, kept.againMs));
    }
  }

  /** A change of the table that is no job's; undefined changes nothing. */
  async change<T>(
    work: (table: JobTable, nowMs: number) => { table: JobTable; value: T } | undefined,
  ): Promise<T | undefined> {
    const changed = work(this.#table, this.#ports.clock.now());
    if (changed !== undefined) {
      await this.#save(changed.table);
    }
    return changed?.value;
  }

  async fail(id: string, attempt: number, reason: string, giveBack = failJob): Promise<true> {
    const now = this.#ports.clock.now();
    const job = heldJob(this.#table, id, attempt, now);
    this.#ports.log.warn("job failed", { job: id, attempt, reason });
    if (job !== undefined) {
      await this.#save(giveBack(this.#table, job, reason, now));
      this.hint();
    }
    return true;
  }

  get recall(): RecallHistory | undefined {
    return this.#table.recall;
  }

  status(): Omit<IndexStatus, "skips"> {
    const now = this.#ports.clock.now();
    const { reservedBytes: pendingBytes } = this.#ports.pending.counts();
    return { ...indexStatus(this.#table, this.#host.state(), this.#due(now), now), pendingBytes };
  }

  #due(now: number): UnclaimedJob | undefined {
    return dueJob(this.#table, this.#host.state(), now, (kind, n) => this.#newId(kind, n));
  }

  /** Unique for ever: outputs are named after it. The number only makes it readable. */
  #newId(kind: string, number: number): string {
    return `${kind}${number.toString(16)}-${encodeHex(this.#ports.random.bytes(8))}`;
  }

  /** One manifest at a time. `change` returns the successor, or the reply if there is none. */
  #publish(change: (state: NamespaceState) => Manifest | DeltaReply): Promise<PublishReply> {
    const turn = this.#publishing.then(() => this.#publishNow(change));
    this.#publishing = turn.catch(() => undefined);
    return turn;
  }

  async #publishNow(
    change: (state: NamespaceState) => Manifest | DeltaReply,
  ): Promise<PublishReply> {
    const { tenant } = this.#host.identity();
    for (;;) {
      const state = this.#host.state();
      const next = state.ended ? ended : change(state);
      if ("kind" in next) {
        return next;
      }
      const beyond = floorFault(next.floor, state.next);
      if (beyond !== undefined) {
        return { kind: "refused", reason: beyond };
      }
      const published = await publishManifest(this.#ports, tenant, state, next);
      if (published.kind === "faulty") {
        return published;
      }
      const winner = published.kind === "published" ? next : published.manifest;
      if (floorFault(winner.floor, this.#host.state().next) !== undefined) {
        throw new EngineError("fenced", "a manifest names log entries this instance does not know");
      }
      this.#host.setState(applyManifest(this.#host.state(), winner));
      await this.#host.record();
      if (published.kind === "published") {
        return { kind: "committed", version: next.version };
      }
    }
  }

  #stamp(): { epoch: number; nonce: Uint8Array; nowMs: number } {
    const { clock, random } = this.#ports;
    return { epoch: this.#host.epoch(), nonce: random.bytes(16), nowMs: clock.now() };
  }

  #stampedVersion(manifest: Manifest): Partial<Manifest> {
    const { epoch, nonce, nowMs } = this.#stamp();
    return { version: manifest.version + 1, epoch, nonce, committedMs: nowMs };
  }

  async #save(table: JobTable): Promise<void> {
    const { manifest } = this.#host.state();
    const jobs = table.jobs.filter((job) => !isVoid(job, manifest));
    const kept = { ...table, jobs };
    // What is void may have been built all the same.
    const isDropped = jobs.length < table.jobs.length;
    this.#table = isDropped ? suspectOrphans(kept, this.#ports.clock.now()) : kept;
    await this.#ports.storage.writeJobs(this.#table);
  }

  #tellQueue(): void {
    const now = this.#ports.clock.now();
    // Asked for each write: few need to know what is due.
    if (Math.abs(now - this.#hintedMs) < hintIntervalMs || this.#due(now) === undefined) return;
    this.#hintedMs = now;
    this.#ports.defer(this.#ports.queue.send(this.#host.identity()).catch(() => undefined));
  }

  async #armNext(): Promise<void> {
    const now = this.#ports.clock.now();
    if (this.#alarmMs <= now + limits.alarmMs) return;
    await this.#arm(nextAlarmMs(this.#table, this.#host.state(), now));
  }

  async #arm(atMs: number | undefined): Promise<void> {
    if (atMs === undefined || atMs >= this.#alarmMs) return;
    this.#alarmMs = atMs;
    try {
      await this.#ports.storage.setAlarm(atMs);
    } catch (error) {
      this.#alarmMs = Number.POSITIVE_INFINITY;
      throw error;
    }
  }
}
