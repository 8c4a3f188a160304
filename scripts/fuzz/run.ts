/**
 * Sends generated requests to a server and watches what they do.
 *
 *   server error   5xx, or no answer to a request that was sent whole
 *   unclear        a refusal that does not say why, in the form that is documented
 *   slow           an answer that took longer than `slowMs`
 *   state change   a request that was refused, or only reads, and yet something is different
 *
 * Each lane has a tenant of its own, so that all there is in it can be compared: the list of
 * namespaces, its API keys, and of the namespace under test metadata, schema and documents, by
 * strong queries. That is done after every few requests and after each that may have changed
 * something; after every other one that was refused the metadata is, which tells of any write. What
 * was accepted may change things; then the lane goes on from there.
 */
import { Agent, request as send } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { ApiClient } from "../api-client.ts";
import type { Shoal } from "../miniflare.ts";
import {
  type Endpoint,
  endpointsOf,
  type FuzzRequest,
  generate,
  type OpenApi,
  victim,
} from "./requests.ts";
import { firstWrite } from "./samples.ts";

export interface FuzzOptions {
  readonly server: Pick<Shoal, "directUrl" | "apiKey">;
  readonly requests: number;
  readonly seed: number;
  /** Number of the first request. */
  readonly from: number;
  readonly onFinding: (finding: Finding) => void;
  readonly onProgress: (done: number) => void;
}

export type FindingKind = "server_error" | "unclear" | "slow" | "state_change";

export interface Finding {
  readonly kind: FindingKind;
  readonly number: number;
  readonly request: string;
  readonly status: number;
  readonly detail: string;
}

export interface FuzzTotals {
  requests: number;
  accepted: number;
  refused: number;
  server_errors: number;
  unclear: number;
  slow: number;
  state_changes: number;
  readonly statuses: Record<string, number>;
  /** Requests by endpoint. */
  readonly endpoints: Record<string, number>;
}

/** Far beyond what any of these should take, also on a machine that does other things. */
export const slowMs = 5_000;
const answerMsMax = 30_000;
const lanes = 4;
const lookEvery = 16;

export async function runFuzz(options: FuzzOptions): Promise<FuzzTotals> {
  const { server, requests, from } = options;
  const root = new ApiClient({ url: server.directUrl, apiKey: server.apiKey });
  const endpoints = endpointsOf(await root.get<OpenApi>("/openapi.json"));
  const totals: FuzzTotals = {
    requests: 0,
    accepted: 0,
    refused: 0,
    server_errors: 0,
    unclear: 0,
    slow: 0,
    state_changes: 0,
    statuses: {},
    endpoints: {},
  };
  let next = from;
  const work = async (lane: number): Promise<void> => {
    const tenant = `lane${lane}`;
    const scopes = ["read", "write", "admin"];
    const { key } = await root.post<{ key: string }>("/v1/keys", { tenant, scopes });
    const runner = new Lane(server.directUrl, key, endpoints, options, totals);
    await runner.begin();
    while (next < from + requests) {
      await runner.step(next++);
    }
    runner.end();
  };
  await Promise.all(Array.from({ length: lanes }, (_, lane) => work(lane)));
  return totals;
}

/** Answers; texts where there was none. */
interface State {
  readonly list: unknown;
  readonly keys: unknown;
  readonly metadata: unknown;
  readonly rows: unknown;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly tookMs: number;
}

class Lane {
  readonly #url: URL;
  readonly #api: ApiClient;
  readonly #endpoints: readonly Endpoint[];
  readonly #options: FuzzOptions;
  readonly #totals: FuzzTotals;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #state: State = { list: undefined, keys: undefined, metadata: undefined, rows: undefined };
  /** Requests since everything was looked at. */
  #unlooked = 0;

  constructor(
    url: string,
    key: string,
    endpoints: readonly Endpoint[],
    options: FuzzOptions,
    totals: FuzzTotals,
  ) {
    this.#url = new URL(url);
    this.#api = new ApiClient({ url, apiKey: key });
    this.#endpoints = endpoints;
    this.#options = options;
    this.#totals = totals;
  }

  async begin(): Promise<void> {
    for (const name of [victim, "other"]) {
      const path = `/v1/namespaces/${name}/metadata`;
      await this.#api.send("PATCH", path, { read_only: false }).catch(() => undefined);
      await this.#api.send("DELETE", `/v2/namespaces/${name}`, undefined).catch(() => undefined);
      await this.#api.post(`/v2/namespaces/${name}`, firstWrite);
    }
    this.#state = await this.#look();
  }

  end(): void {
    this.#agent.destroy();
  }

  async step(number: number): Promise<void> {
    const { seed } = this.#options;
    const totals = this.#totals;
    const request = generate(this.#endpoints, seed, number);
    const answer = await this.#send(request);
    const { status } = answer;
    totals.requests += 1;
    this.#options.onProgress(totals.requests);
    totals.statuses[status] = (totals.statuses[status] ?? 0) + 1;
    totals.endpoints[request.endpoint] = (totals.endpoints[request.endpoint] ?? 0) + 1;
    const accepted = status >= 200 && status < 400;
    totals[accepted ? "accepted" : "refused"] += 1;
    const report = (kind: FindingKind, detail: string): void => {
      this.#options.onFinding({ kind, number, request: describeRequest(request), status, detail });
    };
    const isLost = status === 0 && !request.hangsUp;
    if (status >= 500 || isLost) {
      totals.server_errors += 1;
      report("server_error", answer.text.slice(0, 300));
    } else if (status >= 400 && !isClear(request, answer)) {
      totals.unclear += 1;
      report("unclear", answer.text.slice(0, 300));
    }
    if (answer.tookMs > slowMs) {
      totals.slow += 1;
      report("slow", `${Math.round(answer.tookMs)} ms`);
    }
    await this.#compare(request, accepted, report);
  }

  async #compare(
    request: FuzzRequest,
    accepted: boolean,
    report: (kind: FindingKind, detail: string) => void,
  ): Promise<void> {
    const mayChange = request.hangsUp || (accepted && changesThings(request));
    this.#unlooked += 1;
    if (!mayChange && this.#unlooked < lookEvery) {
      if (!changesThings(request)) return;
      if (isDeepStrictEqual(await this.#metadata(), this.#state.metadata)) return;
    }
    const state = await this.#look();
    if (!isDeepStrictEqual(state, this.#state)) {
      if (!mayChange) {
        this.#totals.state_changes += 1;
        report("state_change", differences(this.#state, state));
      }
      this.#state = state;
    }
    // Gone, closed, or not what requests are made for any more.
    if (!isUsable(state)) await this.begin();
  }

  /** Everything of this tenant that a request might have changed. */
  async #look(): Promise<State> {
    this.#unlooked = 0;
    const query = { rank_by: ["id", "asc"], limit: 1_000, include_attributes: true };
    const asked = this.#api.post<{ rows: unknown }>(`/v2/namespaces/${victim}/query`, query);
    const [list, keys, metadata, rows] = await Promise.all([
      orReason(this.#api.get("/v1/namespaces?page_size=1000")),
      orReason(this.#api.get("/v1/keys")),
      this.#metadata(),
      orReason(asked.then((answer) => answer.rows)),
    ]);
    return { list, keys, metadata, rows };
  }

  async #metadata(): Promise<unknown> {
    const metadata = await orReason(this.#api.get(`/v2/namespaces/${victim}/metadata`));
    return withoutBackground(metadata);
  }

  #send(request: FuzzRequest): Promise<Answer> {
    const { method, path, headers, body, hangsUp } = request;
    const key = this.#api.connection.apiKey;
    const given = Object.entries({ authorization: "Bearer KEY", ...headers });
    const startedMs = performance.now();
    return new Promise((resolve) => {
      const settle = (status: number, type: string, text: string): void =>
        resolve({ status, type, text, tookMs: performance.now() - startedMs });
      let call: ReturnType<typeof send>;
      try {
        call = send({
          host: this.#url.hostname,
          port: this.#url.port,
          method,
          path: encodePath(path),
          headers: {
            ...Object.fromEntries(
              given.map(([name, value]) => [name, value.replaceAll("KEY", key)]),
            ),
            ...(body === undefined ? {} : { "content-length": String(body.length) }),
          },
          agent: hangsUp ? false : this.#agent,
          timeout: answerMsMax,
        });
      } catch (error) {
        settle(400, "", `not sent: ${String(error)}`);
        return;
      }
      call.once("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("error", (error) => settle(0, "", String(error)));
        response.once("end", () => {
          const { statusCode = 0, headers: answered } = response;
          const isPlain = answered["content-encoding"] === undefined;
          const text = isPlain ? Buffer.concat(chunks).toString() : "";
          settle(statusCode, answered["content-type"] ?? "", text);
        });
      });
      call.once("timeout", () => call.destroy(new Error("no answer")));
      call.once("error", (error) => {
        // The server closed a connection that had waited, just when it was used again.
        if (call.reusedSocket && isClosed(error) && !hangsUp) resolve(this.#send(request));
        else settle(0, "", String(error));
      });
      if (hangsUp && body !== undefined) {
        call.write(body.subarray(0, body.length >> 1), () => {
          setTimeout(() => call.destroy(), 5);
        });
      } else {
        call.end(body);
      }
    });
  }
}

function isClosed(error: NodeJS.ErrnoException): boolean {
  return error.code === "ECONNRESET" || error.code === "EPIPE";
}

/** Paths go out as bytes; Node refuses what is not Latin-1 or would end the line. */
function encodePath(path: string): string {
  return Buffer.from(path).toString("latin1").replaceAll(" ", "%20");
}

function changesThings({ method, path }: FuzzRequest): boolean {
  return method !== "GET" && method !== "HEAD" && !/\/(query|recall)\b/.test(path);
}

/** The documented form, that of JSON-RPC, or plain text where the name in the URL is wrong. */
function isClear({ method }: FuzzRequest, { type, text, status }: Answer): boolean {
  if (method === "HEAD" || text.startsWith("not sent")) return true;
  if (type.startsWith("text/plain")) return status === 400 && text.startsWith("Invalid URL: ");
  // The runtime's own, before the Worker sees anything.
  if (type === "" && (status === 400 || status === 431)) return true;
  try {
    const { status: named, error, jsonrpc } = JSON.parse(text) as Record<string, unknown>;
    const reason = jsonrpc === "2.0" && isPlain(error) ? error["message"] : error;
    const isNamed = jsonrpc === "2.0" || named === "error";
    return isNamed && typeof reason === "string" && reason.length > 8;
  } catch {
    // Compressed: the client asked for it.
    return text === "";
  }
}

/** What changes without anybody asking: the namespace is indexed, kept warm and cleaned up. */
const background: ReadonlySet<string> = new Set([
  "approx_row_count",
  "approx_logical_bytes",
  "index",
  "retained_bytes",
]);

function withoutBackground(metadata: unknown): unknown {
  if (!isPlain(metadata)) return metadata;
  const kept = Object.entries(metadata).filter(([name]) => !background.has(name));
  const { pinning } = metadata;
  return {
    ...Object.fromEntries(kept),
    ...(isPlain(pinning) ? { pinning: { ...pinning, status: undefined } } : {}),
  };
}

function isUsable({ metadata, rows }: State): boolean {
  if (!Array.isArray(rows) || rows.length === 0) return false;
  const { read_only: readOnly, schema } = metadata as { read_only?: boolean; schema?: object };
  return readOnly !== true && Object.keys(schema ?? {}).length < 40 && rows.length < 200;
}

function differences(before: State, after: State): string {
  const names = ["list", "keys", "metadata", "rows"] as const;
  return names.flatMap((name) => differencesAt(name, before[name], after[name])).join("; ");
}

/** Where two values differ, as deep as both are objects. */
function differencesAt(place: string, before: unknown, after: unknown): readonly string[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (isPlain(before) && isPlain(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => differencesAt(`${place}.${key}`, before[key], after[key]));
  }
  const show = (value: unknown): string => (JSON.stringify(value) ?? "nothing").slice(0, 300);
  return [`${place}: ${show(before)} became ${show(after)}`];
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function orReason(asked: Promise<unknown>): Promise<unknown> {
  return asked.catch((error: unknown) => String(error));
}

function describeRequest({ method, path, headers, body, hangsUp }: FuzzRequest): string {
  const text = body === undefined ? "" : Buffer.from(body).toString();
  const shown = text.length > 600 ? `${text.slice(0, 600)}… (${body?.length} bytes)` : text;
  const hung = hangsUp ? " (hangs up)" : "";
  return `${method} ${path.slice(0, 200)} ${JSON.stringify(headers).slice(0, 300)} ${shown}${hung}`;
}
