/**
 * What end-to-end tests share: the server that server.ts started, the official client, raw requests
 * for what that client cannot say, and names that no other test uses.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Turbopuffer } from "@turbopuffer/turbopuffer";
import { inject } from "vitest";

export const server = inject("server");

export type ClientOptions = ConstructorParameters<typeof Turbopuffer>[0];

/** Repeats nothing by itself, so that a test sees the first answer. */
export function openClient(options: ClientOptions = {}): Turbopuffer {
  const { directUrl: baseURL, apiKey } = server;
  return new Turbopuffer({ apiKey, baseURL, maxRetries: 0, ...options });
}

/** Letters and digits that no other name of this run contains. */
export function freshName(prefix = "test"): string {
  return `${prefix}-${randomUUID().slice(0, 13)}`;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The text as JSON; undefined if it is none. */
  readonly json: unknown;
}

export interface RawRequest {
  readonly method?: string;
  /** A string or bytes go as they are, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Through the simulated edge instead of straight to the Worker. */
  readonly throughEdge?: boolean;
}

/** `path` as it stands in the URL. With a body the method is POST unless said otherwise. */
export async function ask(path: string, request: RawRequest = {}): Promise<Answer> {
  const { body, headers = {}, throughEdge = false } = request;
  const response = await fetch((throughEdge ? server.url : server.directUrl) + path, {
    method: request.method ?? (body === undefined ? "GET" : "POST"),
    headers: { authorization: `Bearer ${server.apiKey}`, ...headers },
    ...(body === undefined ? {} : { body: encode(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parse(text) };
}

function encode(body: unknown): string | Uint8Array<ArrayBuffer> {
  return typeof body === "string" || body instanceof Uint8Array
    ? (body as string | Uint8Array<ArrayBuffer>)
    : JSON.stringify(body);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export interface IndexAnswer {
  readonly indexed: boolean;
  readonly head: number;
  readonly floor: number;
  readonly unindexed_rows: number;
  readonly segments: readonly { readonly rows: number; readonly dead_rows: number }[];
}

/** Asks for everything to be indexed and waits until it is. */
export async function indexNow(name: string, patienceMs = 30_000): Promise<IndexAnswer> {
  const path = `/v1/namespaces/${name}/index`;
  const endMs = Date.now() + patienceMs;
  await ask(path, { method: "POST" });
  for (;;) {
    const { json } = await ask(path);
    const status = json as IndexAnswer;
    if (status.indexed) return status;
    if (Date.now() > endMs) throw new Error(`not indexed in time: ${JSON.stringify(status)}`);
    await sleep(50);
  }
}
