/**
 * The object store contract on an R2 bucket binding. One request each, but for a page of a list
 * that comes back empty and yet is not the last. Each is counted as it is made.
 *
 *   error code            kind          why
 *   10037                 corrupt       the bytes do not have the digest given; not stored
 *   10039                 corrupt       a range beyond the end of what is stored
 *   10058                 overloaded    more than a write a second on one key, or too many at once
 *   10001, 10043, 10054,  unavailable   a server or connection failed
 *   or none
 *   any other             unavailable   unknown to us; callers give up after a few attempts
 *
 * Whatever a put throws, but for 10037, it may have been applied: `outcomeUnknown`.
 */
import type { R2Bucket, R2ListOptions, R2Object } from "@cloudflare/workers-types";
import { corrupt, EngineError, unavailable } from "../../src/errors.ts";
import { checkDeleteKeys, checkListLimit, checkRange } from "../../src/store/argument-checks.ts";
import type {
  ByteRange,
  ListOptions,
  ListPage,
  ObjectInfo,
  ObjectStore,
  PutMode,
  PutOptions,
  PutResult,
  StoredObject,
} from "../../src/store/object-store.ts";
import { UsageMeter } from "./usage-meter.ts";

const badDigest = 10_037;
const invalidRange = 10_039;
const tooManyRequests = 10_058;
const retryAfterMs = 1_000;

export class R2Store implements ObjectStore {
  readonly #bucket: R2Bucket;
  readonly #meter: UsageMeter;

  constructor(bucket: R2Bucket, meter: UsageMeter = new UsageMeter()) {
    this.#bucket = bucket;
    this.#meter = meter;
  }

  async get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    if (range !== undefined) checkRange(range);
    try {
      this.#meter.add("get");
      const object = await this.#bucket.get(key, range === undefined ? {} : { range });
      if (object === null) return undefined;
      const length = range?.length ?? object.size;
      if (range !== undefined && range.offset + length > object.size) {
        await object.body.cancel();
        throw corrupt(`${key} ends at ${object.size}, before the range asked for does`);
      }
      const bytes = new Uint8Array(await object.arrayBuffer());
      this.#meter.add("bytesRead", bytes.length);
      // The object is long enough, so the transfer was cut short: asking again may help.
      if (bytes.length !== length) throw unavailable(`get of ${key} brought ${bytes.length} bytes`);
      return { ...infoOf(object), bytes };
    } catch (error) {
      throw storeError(`get of ${key}`, error);
    }
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    try {
      this.#meter.add("head");
      const object = await this.#bucket.head(key);
      return object === null ? undefined : infoOf(object);
    } catch (error) {
      throw storeError(`head of ${key}`, error);
    }
  }

  async put(
    key: string,
    bytes: Uint8Array,
    mode: PutMode,
    options: PutOptions = {},
  ): Promise<PutResult> {
    const onlyIf = mode.kind === "create" ? { etagDoesNotMatch: "*" } : { etagMatches: mode.etag };
    try {
      this.#meter.add("put");
      this.#meter.add("bytesWritten", bytes.length);
      const object = await this.#bucket.put(key, bytes, {
        onlyIf,
        ...(options.sha256 === undefined ? {} : { sha256: options.sha256 }),
        ...(options.metadata === undefined ? {} : { customMetadata: { ...options.metadata } }),
      });
      return object === null ? { kind: "precondition" } : { kind: "stored", etag: object.etag };
    } catch (error) {
      throw storeError(`put of ${key}`, error, { outcomeUnknown: true });
    }
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListPage> {
    const limit = checkListLimit(options);
    const withMetadata = options.metadata === true;
    const request: R2ListOptions = {
      prefix,
      limit,
      ...(options.after === undefined ? {} : { startAfter: options.after }),
      ...(withMetadata ? { include: ["customMetadata"] } : {}),
    };
    try {
      this.#meter.add("list");
      let page = await this.#bucket.list(request);
      // A page without a key gives the caller nothing to go on from; only the cursor does.
      while (page.objects.length === 0 && page.truncated) {
        this.#meter.add("list");
        page = await this.#bucket.list({ ...request, cursor: page.cursor });
      }
      const objects = page.objects.map((object) => {
        const info = infoOf(object);
        return withMetadata ? info : { ...info, metadata: {} };
      });
      return { objects, more: page.truncated };
    } catch (error) {
      throw storeError(`list of ${prefix}`, error);
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    checkDeleteKeys(keys);
    if (keys.length === 0) return;
    try {
      this.#meter.add("delete");
      await this.#bucket.delete([...keys]);
    } catch (error) {
      throw storeError(`delete of ${keys.length} keys from ${keys[0]}`, error);
    }
  }
}

function infoOf(object: R2Object): ObjectInfo {
  return {
    key: object.key,
    size: object.size,
    etag: object.etag,
    uploadedMs: object.uploaded.getTime(),
    metadata: object.customMetadata ?? {},
  };
}

function storeError(
  what: string,
  error: unknown,
  put: { readonly outcomeUnknown?: true } = {},
): EngineError {
  if (error instanceof EngineError) return error;
  const message = `${what}: ${error instanceof Error ? error.message : String(error)}`;
  const code = codeOf(error);
  if (code === badDigest || code === invalidRange) {
    return new EngineError("corrupt", message, { cause: error });
  }
  if (code === tooManyRequests) {
    return new EngineError("overloaded", message, { ...put, retryAfterMs, cause: error });
  }
  return new EngineError("unavailable", message, { ...put, cause: error });
}

/** R2 errors carry their code only at the end of the message: `put: <text> (<code>)`. */
function codeOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const digits = /\((\d+)\)\s*$/.exec(error.message)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
