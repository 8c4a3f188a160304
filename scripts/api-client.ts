/**
 * The wire API as the commands use it: JSON over HTTP with a bearer key.
 *
 * `send` tries again what may succeed later: 429, 5xx, 408 and broken connections, after the time
 * the server names or else with growing pauses, until `patienceMs` has passed without an answer.
 * Writes of the commands are upserts and deletes of whole documents, so repeating one is harmless.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";

export interface Connection {
  /** Without a slash at its end. */
  readonly url: string;
  readonly apiKey: string;
}

export interface SendOptions {
  readonly gzip?: boolean;
  /** Under which a write is known, so that repeating it changes nothing. */
  readonly idempotencyKey?: string;
  /** 0: one attempt. */
  readonly patienceMs?: number;
  /** Called before each pause, with the reason. */
  readonly onRetry?: (reason: string, waitMs: number) => void;
}

/** An answer that is not 2xx; `status` 0 stands for none at all. */
export class ApiError extends Error {
  readonly status: number;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, message: string, retryAfterMs?: number) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

const patienceMsDefault = 120_000;
const attemptMs = 60_000;
const pauseMsMin = 250;
const pauseMsMax = 8_000;

export class ApiClient {
  readonly connection: Connection;
  #sentBytes = 0;

  constructor(connection: Connection) {
    this.connection = { ...connection, url: connection.url.replace(/\/+$/, "") };
  }

  /** Bytes of the JSON bodies so far, before compression; a body tried twice counts once. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  get<T>(path: string, options: SendOptions = {}): Promise<T> {
    return this.send("GET", path, undefined, options);
  }

  post<T>(path: string, body: unknown, options: SendOptions = {}): Promise<T> {
    return this.send("POST", path, body, options);
  }

  async send<T>(
    method: string,
    path: string,
    body: unknown,
    options: SendOptions = {},
  ): Promise<T> {
    const text = await this.sendText(method, path, body, options);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** The answer as it came, for JSON lines and for numbers that a double cannot hold. */
  async sendText(
    method: string,
    path: string,
    body: unknown,
    { gzip = false, idempotencyKey, patienceMs = patienceMsDefault, onRetry }: SendOptions = {},
  ): Promise<string> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    this.#sentBytes += text?.length ?? 0;
    const payload = text !== undefined && gzip ? gzipSync(text, { level: 1 }) : text;
    const headers = {
      "content-type": "application/json",
      ...(gzip && encodedAs("gzip")),
      ...(idempotencyKey !== undefined && { "idempotency-key": idempotencyKey }),
    };
    const endMs = performance.now() + patienceMs;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#attempt(method, path, headers, payload);
      } catch (error) {
        if (!(error instanceof ApiError) || !mayPass(error.status)) throw error;
        const waitMs = error.retryAfterMs ?? Math.min(pauseMsMin * 2 ** attempt, pauseMsMax);
        if (performance.now() + waitMs > endMs) throw error;
        onRetry?.(error.message, waitMs);
        await sleep(waitMs);
      }
    }
  }

  async #attempt(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body: string | Uint8Array<ArrayBuffer> | undefined,
  ): Promise<string> {
    const { url, apiKey } = this.connection;
    let response: Response;
    let text: string;
    try {
      response = await fetch(url + path, {
        method,
        headers: { ...headers, authorization: `Bearer ${apiKey}` },
        body: body ?? null,
        signal: AbortSignal.timeout(attemptMs),
      });
      text = await response.text();
    } catch (error) {
      throw new ApiError(0, `no answer from ${url}: ${reasonOf(error)}`);
    }
    if (response.ok) return text;
    const message = `${method} ${path} was answered ${response.status}: ${errorText(text)}`;
    throw new ApiError(response.status, message, retryAfterMs(response));
  }
}

export function namespacePath(namespace: string, version: "v1" | "v2" = "v2"): string {
  return `/${version}/namespaces/${encodeURIComponent(namespace)}`;
}

function encodedAs(coding: string): Record<string, string> {
  return { "content-encoding": coding };
}

function mayPass(status: number): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

function retryAfterMs(response: Response): number | undefined {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

function errorText(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null && "error" in parsed) {
      return String(parsed.error);
    }
  } catch {
    // Plain text, as from a proxy in between.
  }
  return body.slice(0, 500);
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause;
  if (cause instanceof Error && "code" in cause) return String(cause.code);
  return cause instanceof Error ? cause.message : error.message;
}
