/**
 * The protocol around the tools: JSON-RPC 2.0 in one POST, answered by one JSON object. Nothing is
 * kept between requests: no session, no stream. Two eras of MCP differ in how they say what they
 * speak; any request may be of either.
 *
 *   2026-07-28   every request brings its version and its client's capabilities in `_meta`, and
 *                says version, method and tool again in headers, which must agree
 *   before       `initialize` agrees on a version, which later requests repeat in a header
 *
 * What is wrong with a message is an error of JSON-RPC. What goes wrong in a tool is a result, so
 * that a model reads it and tries otherwise.
 */
import { isJsonObject, type JsonObject } from "../../../src/document/shape.ts";
import type { JsonEncodable } from "../json.ts";

export const statelessVersion = "2026-07-28";
/** Newest first: what `initialize` answers when it is asked for one that is not here. */
const handshakeVersions = ["2025-11-25", "2025-06-18"] as const;
export const supportedVersions: readonly string[] = [statelessVersion, ...handshakeVersions];

const versionKey = "io.modelcontextprotocol/protocolVersion";
const capabilitiesKey = "io.modelcontextprotocol/clientCapabilities";

/** Of JSON-RPC, and of MCP from -32020 on. */
export const codes = {
  invalidRequest: -32_600,
  methodNotFound: -32_601,
  invalidParams: -32_602,
  headerMismatch: -32_020,
  unsupportedVersion: -32_022,
} as const;

export type MessageId = string | number | bigint;

export interface Message {
  /** Undefined: a notification, which nobody answers. */
  readonly id: MessageId | undefined;
  readonly method: string;
  readonly params: JsonObject;
}

export type Era = "stateless" | "handshake";

/** A message that cannot be answered with a result. */
export class RpcError extends Error {
  readonly code: number;
  readonly status: number;
  readonly data: JsonEncodable | undefined;

  constructor(code: number, text: string, status = 400, data?: JsonEncodable) {
    super(text);
    this.code = code;
    this.status = status;
    this.data = data;
  }
}

export function readMessage(json: unknown): Message {
  if (!isJsonObject(json) || json["jsonrpc"] !== "2.0") {
    throw new RpcError(codes.invalidRequest, "the body must be one JSON-RPC 2.0 message");
  }
  const { id, method, params = {} } = json;
  if (typeof method !== "string") {
    throw new RpcError(codes.invalidRequest, "a message to a server must have a `method`");
  }
  if (id !== undefined && !isMessageId(id)) {
    throw new RpcError(codes.invalidRequest, "`id` must be a text or an integer");
  }
  if (!isJsonObject(params)) {
    throw new RpcError(codes.invalidParams, "`params` must be an object");
  }
  return { id, method, params };
}

function isMessageId(id: unknown): id is MessageId {
  return typeof id === "string" || typeof id === "bigint" || Number.isInteger(id);
}

/** Which era a request is of, once it has said all that this era wants. */
export function readEra(headers: Headers, { id, method, params }: Message): Era {
  const header = headers.get("mcp-protocol-version") ?? undefined;
  const { _meta: meta } = params;
  const claimed = isJsonObject(meta) ? meta[versionKey] : undefined;
  if (claimed === undefined && header !== statelessVersion) {
    // Whoever begins proposes a version in the body, and earlier clients send none.
    if (header !== undefined && method !== "initialize") mustBeSupported(header);
    return "handshake";
  }
  if (typeof claimed !== "string") {
    throw new RpcError(codes.invalidParams, `\`_meta\` must name its version as ${versionKey}`);
  }
  mustBeSupported(claimed);
  if (id === undefined) return "stateless";
  mustAgree("MCP-Protocol-Version", header, claimed);
  if (claimed !== statelessVersion) {
    throw new RpcError(codes.invalidParams, `${claimed} has no ${versionKey} in \`_meta\``);
  }
  if (!isJsonObject(meta) || !isJsonObject(meta[capabilitiesKey])) {
    throw new RpcError(codes.invalidParams, `\`_meta\` lacks the object ${capabilitiesKey}`);
  }
  mustAgree("Mcp-Method", headers.get("mcp-method") ?? undefined, method);
  if (method === "tools/call") {
    mustAgree("Mcp-Name", decodeHeader(headers.get("mcp-name")), params["name"]);
  }
  return "stateless";
}

/** The version that `initialize` is answered with. */
export function agreeOnVersion(proposed: unknown): string {
  return handshakeVersions.find((version) => version === proposed) ?? handshakeVersions[0];
}

function mustBeSupported(version: string): void {
  if (supportedVersions.includes(version)) return;
  throw new RpcError(codes.unsupportedVersion, "Unsupported protocol version", 400, {
    supported: supportedVersions,
    requested: version,
  });
}

/** Whoever routes by headers must have seen what is then done. */
function mustAgree(name: string, header: string | undefined, body: unknown): void {
  if (header === undefined) {
    throw new RpcError(codes.headerMismatch, `Header mismatch: ${name} is missing`);
  }
  if (header !== body) {
    const text = `Header mismatch: ${name} is '${header}', and the body says otherwise`;
    throw new RpcError(codes.headerMismatch, text);
  }
}

/** Names that headers cannot hold come as `=?base64?…?=`. */
function decodeHeader(value: string | null): string | undefined {
  const encoded = /^=\?base64\?(.*)\?=$/.exec(value ?? "")?.[1];
  if (encoded === undefined) return value ?? undefined;
  try {
    const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new RpcError(codes.headerMismatch, "Header mismatch: Mcp-Name is not valid base64");
  }
}
