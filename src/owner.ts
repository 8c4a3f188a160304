/**
 * The owner of a namespace: the one place that orders its writes, publishes its manifests and
 * leases its jobs. One instance runs inside each Namespace object; everything it knows is rebuilt
 * from object storage by recover.ts.
 *
 *   write    commit.ts      group commit of batches into the log (owner-writes.ts: before that)
 *   publish  publish.ts     manifests, `current`, registry
 *   jobs     owner-jobs.ts  what is due, leases, tickets, deltas
 *   branch   branch.ts      the beginning of a life as another's point
 *   fence    owner-store.ts an instance that was replaced changes nothing
 *   doubt    owner-ward.ts  what cannot be read: the instance starts all the same, and changes
 *                           nothing until it knows all or is told to go on without (quarantine.ts)
 *
 * `head` takes its snapshot in one turn of an instance that has settled its open slot: it holds
 * everything acknowledged before the call began, even if this instance is replaced a moment later.
 */
import { encodeHex } from "./bytes/hex.ts";
import { GroupCommit } from "./commit.ts";
import { assert, EngineError, isEngineError } from "./errors.ts";
import { limits } from "./limits.ts";
import { type CommitMemory, emptyMemory } from "./namespace/admission.ts";
import type { StepArguments } from "./namespace/build-progress.ts";
import { describe } from "./namespace/group.ts";
import { IdMemory } from "./namespace/id-memory.ts";
import type { PastPoint, Pin } from "./namespace/pins.ts";
import {
  type AdoptReply,
  type AdoptRequest,
  type CommitRequest,
  checkProtocol,
  type HeadRequest,
  type NamespaceApi,
  type Reply,
  replyError,
} from "./namespace/protocol.ts";
import type { RecallArguments } from "./namespace/recall-history.ts";
import { exists, firstManifest, type NamespaceState, stateAtFloor } from "./namespace/state.ts";
import type { UsageArguments } from "./namespace/usage-history.ts";
import { OwnerBranch } from "./owner-branch.ts";
import { headReply, recallReply } from "./owner-head.ts";
import { OwnerJobs } from "./owner-jobs.ts";
import { noteRecall, noteUsage } from "./owner-notes.ts";
import { OwnerPins } from "./owner-pins.ts";
import { OwnerPointer } from "./owner-pointer.ts";
import { type Identity, identityOf, isSame, type OwnerPorts, recordOf } from "./owner-ports.ts";
import { noteProgress } from "./owner-progress.ts";
import { FencedStore } from "./owner-store.ts";
import { OwnerWard } from "./owner-ward.ts";
import { OwnerWrites } from "./owner-writes.ts";
import { recover } from "./recover.ts";
import type { Log } from "./recover-log.ts";
import { type RegistryView, writeRegistry } from "./registry.ts";

export class Owner implements NamespaceApi {
  /** Its store fences every put. */
  readonly #ports: OwnerPorts;
  #identity: Identity | undefined;
  #starting: Promise<void> | undefined;
  #started = false;
  #state: NamespaceState = stateAtFloor(firstManifest("0".repeat(32)), false);
  #memory: CommitMemory = emptyMemory();
  #registry: RegistryView = { entry: undefined, etag: undefined };
  #epoch = 1;
  #intent: number | undefined;
  /** While something cannot be read, `#state` is only what lies before it. */
  readonly #ward: OwnerWard;
  readonly #branch: OwnerBranch;
  readonly #pointer: OwnerPointer;
  readonly #commits: GroupCommit;
  readonly #writes: OwnerWrites;
  readonly #jobs: OwnerJobs;
  readonly #pins: OwnerPins;

  constructor(ports: OwnerPorts) {
    this.#ports = { ...ports, store: new FencedStore(ports.store, () => this.#record()) };
    this.#ward = new OwnerWard(this.#ports);
    this.#pointer = new OwnerPointer(this.#ports);
    const host = {
      identity: (): Identity => this.#known(),
      state: (): NamespaceState => this.#state,
      memory: (): CommitMemory => this.#memory,
      epoch: (): number => this.#epoch,
      setState: (state: NamespaceState): void => {
        this.#state = state;
      },
      record: (): Promise<void> => this.#record(),
      arm: (): Promise<void> => this.#jobs.armForWrite(),
    };
    this.#jobs = new OwnerJobs(this.#ports, { ...host, movePointer: () => this.#movePointer() });
    this.#pins = new OwnerPins(this.#ports, host.state, this.#jobs);
    this.#commits = new GroupCommit(this.#ports, {
      ...host,
      setIntent: (sequence) => {
        this.#intent = sequence;
      },
      register: () => this.#register(),
      bury: () => this.#bury(),
      refused: (request) => this.#writes.refused(request),
      committed: (sequence, bytes) => {
        ports.memory.put(`${this.#state.generation}/wal/${sequence}`, bytes);
        this.#jobs.hint();
      },
    });
    const begins = { registry: () => this.#registry, begin: this.#beginAsBranch };
    this.#branch = new OwnerBranch(this.#ports, { ...host, ...begins }, this.#commits);
    this.#writes = new OwnerWrites(this.#ports, { ...host, jobs: this.#jobs }, this.#commits);
  }

  describe(tenant: string, name: string) {
    return this.#answer({ tenant, name }, async () => {
      // A deletion under way is about to give the name a new generation.
      const reply = this.#state.ended ? await this.#commits.settled() : undefined;
      const { quarantine } = this.#ward;
      if (quarantine !== undefined) return { ...describe(this.#state), exists: true, quarantine };
      return reply?.kind === "stale" ? reply.now : describe(this.#state);
    });
  }

  commit(request: CommitRequest) {
    return this.#work(request, async () => {
      checkProtocol(request.protocol);
      return await this.#writes.commit(request);
    });
  }

  head(request: HeadRequest) {
    return this.#answer(request, async () => {
      checkProtocol(request.protocol);
      this.#mustExist();
      if (request.brief !== true) this.#ward.mustBeWhole();
      const reply = await headReply(this.#ports, request.tenant, this.#state, this.#epoch, request);
      const more = request.brief === true ? this.#ward.health() : {};
      return { ...reply, ...recallReply(this.#jobs.recall, request), ...more };
    });
  }

  remove(tenant: string, name: string): Promise<Reply<true>> {
    return this.#answer({ tenant, name }, async () => {
      this.#mustExist();
      if (this.#ward.quarantine === undefined) {
        // Stale: another end was faster. If the name lives on, it is that life's turn.
        const end = () => this.#commits.remove(this.#state.generation);
        while ((await end()).kind === "stale" && exists(this.#state)) await this.#jobs.idle();
      } else {
        await this.#ward.close(this.#view(), () => this.#bury());
      }
      return true as const;
    });
  }

  status(tenant: string, name: string) {
    return this.#answer({ tenant, name }, async () => {
      this.#mustExist();
      return { ...this.#jobs.status(), ...this.#ward.health() };
    });
  }

  skipEntry(tenant: string, name: string, sequence: number, reason: string) {
    return this.#answer({ tenant, name }, async () => {
      this.#mustExist();
      const fence = () => this.#commits.fence();
      return this.#ward.skip(() => this.#view(), sequence, reason, fence);
    });
  }

  requestFlush(tenant: string, name: string) {
    return this.#work({ tenant, name }, async () => {
      this.#mustExist();
      await this.#jobs.requestFlush();
      return { ...this.#jobs.status(), ...this.#ward.health() };
    });
  }

  claim(tenant: string, name: string) {
    const claim = () => (this.#ward.quarantine === undefined ? this.#jobs.claim() : undefined);
    return this.#answer({ tenant, name }, async () => await claim());
  }

  renew(tenant: string, name: string, job: string, attempt: number): Promise<Reply<boolean>> {
    return this.#work({ tenant, name }, () => this.#jobs.renew(job, attempt));
  }

  progress(tenant: string, name: string, ...of: StepArguments) {
    return this.#work({ tenant, name }, () => noteProgress(this.#jobs, ...of));
  }

  ticket(tenant: string, name: string, job: string, attempt: number) {
    return this.#work({ tenant, name }, () => this.#jobs.ticket(job, attempt));
  }

  commitDelta(tenant: string, name: string, ...of: Parameters<OwnerJobs["commitDelta"]>) {
    return this.#work({ tenant, name }, () => this.#jobs.commitDelta(...of));
  }

  finish(tenant: string, name: string, ...of: Parameters<OwnerJobs["finish"]>) {
    return this.#work({ tenant, name }, () => this.#jobs.finish(...of));
  }

  fail(tenant: string, name: string, ...of: Parameters<OwnerJobs["fail"]>) {
    return this.#work({ tenant, name }, () => this.#jobs.fail(...of));
  }

  pin(tenant: string, name: string, at?: PastPoint): Promise<Reply<Pin>> {
    return this.#work({ tenant, name }, async () => {
      this.#mustExist();
      return await this.#pins.add(at);
    });
  }

  renewPin(tenant: string, name: string, id: string): Promise<Reply<Pin | undefined>> {
    return this.#work({ tenant, name }, () => this.#pins.renew(id));
  }

  releasePin(tenant: string, name: string, id: string): Promise<Reply<true>> {
    return this.#work({ tenant, name }, () => this.#pins.release(id));
  }

  noteRecall(tenant: string, name: string, ...of: RecallArguments): Promise<Reply<boolean>> {
    return this.#work({ tenant, name }, () => noteRecall(this.#jobs, ...of));
  }

  noteUsage(tenant: string, name: string, ...of: UsageArguments): Promise<Reply<true>> {
    return this.#work({ tenant, name }, () => noteUsage(this.#jobs, ...of));
  }

  async adopt(request: AdoptRequest): Promise<Reply<AdoptReply>> {
    const isIdle = this.#starting === undefined && !this.#started;
    const value = isIdle ? await this.#startAsBranch(request) : undefined;
    if (value !== undefined) return { ok: true, value };
    return await this.#work(request, () => this.#branch.adopt(request));
  }

  /** The object's alarm: sends lost hints again, and arms itself while there is work. */
  async alarm(identity: Identity | undefined): Promise<void> {
    try {
      const reply = await this.#answer(identity, async () => {
        if (this.#ward.quarantine === undefined) {
          this.#writes.forgetIds();
          await this.#jobs.alarm();
          await this.#movePointer();
        } else {
          await this.#ward.lookAgain(this.#known().tenant, this.#state.manifest);
        }
      });
      if (reply.ok) return;
      this.#ports.log.warn("alarm failed", { message: reply.message });
    } catch (error) {
      this.#ports.log.error("alarm failed", { error: String(error) });
    }
    // Not left to the platform, which gives up after a few attempts.
    await this.#ports.storage.setAlarm(this.#ports.clock.now() + limits.alarmMs);
  }

  /** For whoever changes something: an instance in quarantine does not know enough to. */
  #work<T>(identity: Identity, work: () => Promise<T>): Promise<Reply<T>> {
    return this.#answer(identity, async () => {
      this.#ward.mustBeWhole();
      return await work();
    });
  }

  /** Runs `work` on a recovered instance and turns what it throws into a reply. */
  async #answer<T>(identity: Identity | undefined, work: () => Promise<T>): Promise<Reply<T>> {
    try {
      if (!this.#started) {
        this.#meet(identity);
        this.#starting ??= this.#start();
        await this.#starting;
      }
      assert(isSame(identity ?? this.#known(), this.#known()), "one object serves one name");
      // The name lives, and nobody is shown that it does not.
      if (this.#state.successor !== undefined) await this.#commits.settled();
      return { ok: true, value: await work() };
    } catch (error) {
      if (isEngineError(error)) {
        if (error.kind === "fenced") this.#ports.abort(error.message);
        return replyError(error);
      }
      throw error;
    }
  }

  #meet(identity: Identity | undefined): void {
    this.#identity ??= identity && identityOf(identity);
  }

  /** Undefined: an ordinary start is under way instead. */
  async #startAsBranch(request: AdoptRequest): Promise<AdoptReply | undefined> {
    this.#meet(request);
    const unseen = this.#branch.adoptUnseen(request);
    this.#starting = unseen.then((begun) => begun?.whole ?? this.#start());
    this.#starting.catch(() => {
      this.#starting = undefined;
    });
    return (await unseen)?.reply;
  }

  async #start(): Promise<void> {
    try {
      const record = await this.#ports.storage.readRecord();
      this.#identity ??= record?.identity;
      const recovered = await recover(this.#ports, this.#known(), record, this.#newGeneration);
      this.#state = recovered.state;
      // Before, some ids may have been touched by writes that only earlier instances knew of.
      this.#memory = { keys: recovered.keys, ids: new IdMemory(recovered.state.next) };
      this.#registry = recovered.registry;
      this.#epoch = recovered.epoch;
      this.#pointer.reset(recovered.pointer);
      this.#branch.record = record?.branch;
      this.#intent = recovered.isSettled ? undefined : recovered.state.next;
      this.#ward.reset(recovered.skips);
      if (recovered.quarantine !== undefined && !recovered.state.ended) {
        this.#ward.isolate(recovered.quarantine, record, this.#recordNow());
        await Promise.all([this.#record(), this.#jobs.load(), this.#ward.arm()]);
        this.#started = true;
        return;
      }
      await this.#record();
      await this.#jobs.start();
      if (recovered.state.ended) {
        await this.#bury();
      } else if (!recovered.isSettled || recovered.state.unannounced.length > 0) {
        await this.#commits.settle();
        // What was read before may have been an entry that is skipped by now.
        this.#memory.ids.forgetBelow(this.#state.next);
      }
      this.#started = true;
    } catch (error) {
      this.#starting = undefined;
      throw error;
    }
  }

  #view() {
    return { ...this.#ward.view(), ...this.#known(), state: this.#state, epoch: this.#epoch };
  }

  #known(): Identity {
    if (this.#identity === undefined) {
      throw new EngineError("unavailable", "this object does not know its name yet");
    }
    return this.#identity;
  }

  #mustExist(): void {
    if (!exists(this.#state) && this.#ward.quarantine === undefined) {
      throw new EngineError("notFound", `🤷 namespace '${this.#known().name}' was not found`);
    }
  }

  readonly #newGeneration = (): string => encodeHex(this.#ports.random.bytes(16));

  #record(): Promise<void> {
    return this.#ports.storage.writeRecord(this.#ward.record ?? this.#recordNow());
  }

  #recordNow() {
    const registryVersion = this.#registry.entry?.version ?? 0;
    const more = { epoch: this.#epoch, intent: this.#intent, branch: this.#branch.record };
    return { ...recordOf(this.#known(), this.#state), registryVersion, ...more };
  }

  async #register(): Promise<void> {
    const { generation } = this.#state;
    const change = { generation, state: "live", epoch: this.#epoch } as const;
    this.#registry = await writeRegistry(this.#ports, this.#known(), this.#registry, change);
    this.#state = { ...this.#state, registered: true };
  }

  /** After a tombstone: grave, registry, then state and jobs of the next life in one turn. */
  async #bury(): Promise<void> {
    await this.#jobs.idle();
    const { registry, state, memory } = await this.#branch.nextLife(this.#newGeneration);
    this.#registry = registry;
    await this.#beginLife(state, memory);
  }

  async #beginLife(state: NamespaceState, memory: CommitMemory): Promise<void> {
    this.#state = state;
    this.#memory = memory;
    this.#pointer.reset();
    this.#ward.reset();
    await Promise.all([this.#record(), this.#jobs.beginLife()]);
  }

  readonly #beginAsBranch = (registry: RegistryView, log: Promise<Log>): Promise<void> => {
    this.#registry = registry;
    this.#started = false;
    this.#starting = log.then(async ({ state, keys }) => {
      await this.#beginLife(state, { keys, ids: new IdMemory(state.next) });
      this.#started = true;
    });
    return this.#starting;
  };

  async #movePointer(): Promise<void> {
    const { tenant } = this.#known();
    await this.#pointer.move(tenant, this.#state.manifest, () => this.#state.generation);
  }
}
