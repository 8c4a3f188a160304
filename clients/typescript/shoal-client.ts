/**
 * What the official turbopuffer client has no word for: changes, snapshots, the way back, and
 * imports of objects in the bucket. Use it beside that client, with the same address and key.
 *
 * Needs nothing but `fetch`. Requests that may succeed later (429, 5xx, no answer) are repeated if
 * repeating them is harmless, after the time that the server names, else with growing pauses.
 */

export interface ClientOptions {
  /** Default: SHOAL_URL of the environment, else that of a local server. */
  readonly baseURL?: string;
  /** Default: SHOAL_API_KEY of the environment. */
  readonly apiKey?: string;
  /** Repetitions of a request. */
  readonly maxRetries?: number;
  readonly fetch?: typeof globalThis.fetch;
}

export type Id = number | string;

/** A document as the API shows it: `id`, vectors, attributes. */
export interface Row {
  readonly id: Id;
  readonly [attribute: string]: unknown;
}

/** Vectors in base64, or as numbers. */
export type VectorEncoding = "float" | "base64";

export type Change =
  | { readonly sequence: number; readonly at: string; readonly upsert: Row }
  | { readonly sequence: number; readonly at: string; readonly delete: Id };

export interface ChangePage {
  readonly changes: readonly Change[];
  /** Ask with it as `after`; it is never used up. */
  readonly cursor: string;
}

export interface ChangesOptions {
  /** A cursor; without it, from the start. */
  readonly after?: string;
  /** Documents after which a page ends. */
  readonly limit?: number;
  readonly vectorEncoding?: VectorEncoding;
  readonly signal?: AbortSignal;
}

export interface Snapshot {
  readonly name: string;
  readonly created_at: string;
  /** Newest entry of the log that belongs to it. */
  readonly sequence: number;
}

/** A time (RFC 3339), the number of an entry of the log, or a snapshot. */
export type Moment = string | number;
export type RestorePoint = Moment | { readonly snapshot: string };

export type ImportStatus =
  | "pending"
  | "running"
  | "cancelling"
  | "finished"
  | "cancelled"
  | "failed";

export interface ImportRequest {
  /** Key below `imports/<tenant>/` in the server's bucket, or the beginning of keys, with a slash. */
  readonly source: string;
  readonly format?: "jsonl" | "csv" | "parquet";
  readonly delimiter?: string;
  /** Columns of the ids and vectors: `id` and `vector` unless said. */
  readonly id?: string;
  readonly vector?: string;
  readonly columns?: readonly string[];
  readonly rename?: Readonly<Record<string, string>>;
  /** As in a write. */
  readonly schema?: Readonly<Record<string, unknown>>;
  readonly distance_metric?: "cosine_distance" | "euclidean_squared";
  /** Whether a row that is refused ends the import (abort) or is set aside. */
  readonly error_mode?: "abort" | "continue";
}

export interface ImportState {
  readonly id: string;
  readonly namespace: string;
  readonly source: string;
  readonly status: ImportStatus;
  /** Why it failed. */
  readonly error?: string;
  readonly created_at: string;
  readonly rows_read: number;
  readonly rows_written: number;
  readonly rows_rejected: number;
  readonly bytes_read: number;
  readonly bytes_total: number;
  readonly objects: number;
}

export interface RejectedRow {
  readonly row: number;
  readonly reason: string;
  readonly document: unknown;
}

/** An answer that is not 2xx. `status` 0: there was none. */
export class ShoalError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "ShoalError";
    this.status = status;
  }
}

interface Send {
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly signal?: AbortSignal | undefined;
  /** Whether sending it twice is the same as once. */
  readonly isRepeatable: boolean;
}

export class ShoalClient {
  readonly #url: string;
  readonly #apiKey: string;
  readonly #retriesMax: number;
  readonly #fetch: typeof globalThis.fetch;

  constructor(options: ClientOptions = {}) {
    const env = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process
      ?.env;
    const url = options.baseURL ?? env?.["SHOAL_URL"] ?? "http://127.0.0.1:8787";
    this.#url = url.replace(/\/+$/, "");
    this.#apiKey = options.apiKey ?? env?.["SHOAL_API_KEY"] ?? "";
    this.#retriesMax = options.maxRetries ?? 4;
    this.#fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
  }

  namespace(name: string): NamespaceClient {
    return new NamespaceClient(this, name);
  }

  /** @internal */
  async send<T>(method: string, path: string, how: Send): Promise<T> {
    return JSON.parse(await this.sendText(method, path, how)) as T;
  }

  /** @internal */
  async sendText(method: string, path: string, how: Send): Promise<string> {
    for (let attempt = 0; ; attempt += 1) {
      const { status, text, retryAfterMs } = await this.#attempt(method, path, how);
      if (status >= 200 && status < 300) return text;
      const mayPass = status === 0 || status === 429 || status >= 500;
      // A request that was turned away for now has done nothing.
      const isHarmless = how.isRepeatable || status === 429;
      if (!mayPass || !isHarmless || attempt >= this.#retriesMax) {
        throw new ShoalError(status, `${method} ${path}: ${errorOf(text)}`);
      }
      await pause(retryAfterMs ?? Math.min(250 * 2 ** attempt, 8_000), how.signal);
    }
  }

  async #attempt(method: string, path: string, { body, query = {}, signal }: Send) {
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    const params = new URLSearchParams(
      given.map(([name, value]): [string, string] => [name, String(value)]),
    );
    const target = `${this.#url}${path}${given.length === 0 ? "" : `?${params.toString()}`}`;
    try {
      const response = await this.#fetch(target, {
        method,
        headers: { authorization: `Bearer ${this.#apiKey}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      });
      const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
      const retryAfterMs = Number.isFinite(seconds) ? 1_000 * seconds : undefined;
      return { status: response.status, text: await response.text(), retryAfterMs };
    } catch (error) {
      signal?.throwIfAborted();
      return { status: 0, text: String(error), retryAfterMs: undefined };
    }
  }
}

export class NamespaceClient {
  readonly #client: ShoalClient;
  readonly #path: string;

  constructor(client: ShoalClient, name: string) {
    this.#client = client;
    this.#path = `namespaces/${encodeURIComponent(name)}`;
  }

  /** One page of what was written, in its order. */
  async changePage(options: ChangesOptions = {}): Promise<ChangePage> {
    const { after, limit, vectorEncoding, signal } = options;
    const query = { after, limit, vector_encoding: vectorEncoding };
    const text = await this.#text("GET", "v2", "/changes", { query, signal, isRepeatable: true });
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Change & Cursor);
    const cursor = lines.pop()?.next_cursor;
    // A page without its last line was cut off on the way.
    if (cursor === undefined) throw new ShoalError(0, "a page of changes broke off");
    return { changes: lines, cursor };
  }

  /** Pages until all is read that was written before; `follow`: and then what comes, for ever. */
  async *changes(
    options: ChangesOptions & { readonly follow?: boolean; readonly pollMs?: number } = {},
  ): AsyncGenerator<ChangePage, void> {
    const { follow = false, pollMs = 1_000, ...page } = options;
    let { after } = options;
    for (;;) {
      const next = await this.changePage({ ...page, ...(after === undefined ? {} : { after }) });
      const isOver = next.changes.length === 0;
      if (!isOver) yield next;
      if (isOver && !follow) return;
      if (isOver) await pause(pollMs, options.signal);
      after = next.cursor;
    }
  }

  /** Gives the namespace, as it is or was, a name. */
  createSnapshot(name: string, asOf?: Moment): Promise<Snapshot> {
    const body = { name, ...(asOf === undefined ? {} : { as_of: asOf }) };
    return this.#json("POST", "v1", "/snapshots", { body, isRepeatable: false });
  }

  snapshots(): Promise<readonly Snapshot[]> {
    return this.#all<"snapshots", Snapshot>("snapshots");
  }

  async deleteSnapshot(name: string): Promise<void> {
    const place = `/snapshots/${encodeURIComponent(name)}`;
    await this.#text("DELETE", "v1", place, { isRepeatable: true });
  }

  /** Goes on as the namespace was; all that was written since is given up. */
  restore(point: RestorePoint): Promise<{ readonly sequence: number }> {
    const body = { as_of: point };
    return this.#json("POST", "v1", "/restore", { body, isRepeatable: false });
  }

  startImport(request: ImportRequest): Promise<ImportState> {
    return this.#json("POST", "v1", "/imports", { body: request, isRepeatable: false });
  }

  importState(id: string): Promise<ImportState> {
    return this.#json("GET", "v1", `/imports/${id}`, { isRepeatable: true });
  }

  imports(): Promise<readonly ImportState[]> {
    return this.#all<"imports", ImportState>("imports");
  }

  /** What it has written stays. */
  cancelImport(id: string): Promise<ImportState> {
    return this.#json("DELETE", "v1", `/imports/${id}`, { isRepeatable: true });
  }

  async rejectedRows(id: string): Promise<readonly RejectedRow[]> {
    const text = await this.#text("GET", "v1", `/imports/${id}/rejected`, { isRepeatable: true });
    const lines = text.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as RejectedRow);
  }

  /** Resolves with how it ended, whatever that is. */
  async waitForImport(
    id: string,
    { pollMs = 500, onProgress, signal }: WaitOptions = {},
  ): Promise<ImportState> {
    for (;;) {
      const state = await this.importState(id);
      onProgress?.(state);
      if (["finished", "cancelled", "failed"].includes(state.status)) return state;
      await pause(pollMs, signal);
    }
  }

  /** Of all pages. */
  async #all<Name extends string, T>(name: Name): Promise<readonly T[]> {
    const found: T[] = [];
    for (let cursor: string | undefined; ; ) {
      const how = { query: { cursor }, isRepeatable: true };
      const page: Page<Name, T> = await this.#json("GET", "v1", `/${name}`, how);
      found.push(...page[name]);
      if (page.next_cursor === null) return found;
      cursor = page.next_cursor;
    }
  }

  #json<T>(method: string, version: "v1" | "v2", place: string, how: Send): Promise<T> {
    return this.#client.send<T>(method, `/${version}/${this.#path}${place}`, how);
  }

  #text(method: string, version: "v1" | "v2", place: string, how: Send): Promise<string> {
    return this.#client.sendText(method, `/${version}/${this.#path}${place}`, how);
  }
}

export interface WaitOptions {
  readonly pollMs?: number;
  readonly onProgress?: (state: ImportState) => void;
  readonly signal?: AbortSignal;
}

interface Cursor {
  readonly next_cursor?: string;
}

type Page<Name extends string, T> = { readonly next_cursor: string | null } & {
  readonly [name in Name]: readonly T[];
};

function errorOf(text: string): string {
  try {
    return (JSON.parse(text) as { readonly error?: string }).error ?? text;
  } catch {
    return text.slice(0, 500);
  }
}

async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
