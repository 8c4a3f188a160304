/** Writes as the API takes them, against a real owner, and what is there afterwards. */
import { change } from "../src/change.ts";
import type { WriteKey } from "../src/format/wal.ts";
import type { CommitRequest, NamespaceApi } from "../src/namespace/protocol.ts";
import type { WriteTarget } from "../src/submission.ts";
import { type WriteOptions, write } from "../src/write.ts";
import { buildWrite } from "../workers/api/write-batch.ts";
import { parseWriteRequest, readsDocuments } from "../workers/api/write-request.ts";
import { plainOutcome, type WriteResponse, writeResponse } from "../workers/api/write-response.ts";
import { SearchRig } from "./search-rig.ts";

export interface PostOptions {
  readonly key?: WriteKey;
  /** Runs before the commit of this number, counted from 1. */
  readonly before?: (commit: number) => Promise<unknown>;
}

export class ChangeRig extends SearchRig {
  /** What was sent to the owner. */
  commits: CommitRequest[] = [];

  /** Answers as the API would. */
  post(body: object, options: PostOptions = {}): Promise<WriteResponse> {
    return this.clock.run(this.start(body, options));
  }

  /** The same, without turning the clock. */
  async start(body: object, { key, before }: PostOptions = {}): Promise<WriteResponse> {
    const asked = parseWriteRequest(body);
    const build = (schema: Parameters<typeof buildWrite>[1]) => buildWrite(asked, schema);
    const target = this.#watched(before);
    const options: WriteOptions = { disableBackpressure: false, ...(key ? { key } : {}) };
    if (!readsDocuments(asked)) {
      const { batch } = await write(this.isolate, target, build, options);
      return writeResponse(asked, plainOutcome(batch), 1);
    }
    const { counts, built, logicalBytes } = await change(this.isolate, target, build, options);
    const outcome = {
      counts,
      affected: built?.affected,
      batch: built?.batch,
      readBytes: logicalBytes,
    };
    return writeResponse(asked, outcome, 1);
  }

  /** All documents in order of id, as rows without vectors. */
  async rows(): Promise<readonly Record<string, unknown>[]> {
    const result = await this.search({
      rank_by: ["id", "asc"],
      limit: 10_000,
      include_attributes: true,
    });
    return result.rows.map(({ id, attributes, vector }) => ({
      id,
      ...Object.fromEntries(attributes.map(({ name, value }) => [name, value])),
      ...(vector === undefined ? {} : { [vector.name]: [...vector.values] }),
    }));
  }

  #watched(before: PostOptions["before"]): WriteTarget {
    const { owner } = this;
    const commit = async (request: CommitRequest) => {
      this.commits.push(request);
      await before?.(this.commits.length);
      return await this.owner.commit(request);
    };
    const head: NamespaceApi["head"] = async (request) => {
      this.heads += 1;
      return await this.owner.head(request);
    };
    const methods = new Map<string | symbol, unknown>([
      ["commit", commit],
      ["head", head],
    ]);
    const watched: NamespaceApi = new Proxy(owner, {
      get: (target, method) =>
        methods.get(method) ?? (Reflect.get(target, method, target) as unknown),
    });
    return { ...this.writeTarget, owner: watched };
  }
}
