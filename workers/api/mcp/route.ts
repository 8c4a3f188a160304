/**
 * POST /mcp: the Model Context Protocol, for agents. Point a client at `<this server>/mcp` with a
 * key as bearer token; it is shown the tools its key may use, and `?read_only=true` hides those
 * that write, whatever the key may do. Answers are cut to what a model can read (fit-answer.ts).
 */
import { EngineError, invalid } from "../../../src/errors.ts";
import { limits } from "../../../src/limits.ts";
import { refuseAccess } from "../auth.ts";
import { respondError } from "../errors.ts";
import { encodeJson, type JsonEncodable, type JsonValue } from "../json.ts";
import { describeTable } from "../reference/document.ts";
import { respondJson } from "../respond.ts";
import type { Scope } from "../scope.ts";
import { fitAnswer } from "./fit-answer.ts";
import {
  agreeOnVersion,
  codes,
  type Era,
  type Message,
  type MessageId,
  RpcError,
  readEra,
  readMessage,
  supportedVersions,
} from "./protocol.ts";
import { namespaceOf, type Tool, tools } from "./tools.ts";

const serverInfo = { name: "shoal", title: "Shoal", version: "0.1.0" };
const instructions =
  "A search database. list_namespaces and describe_namespace say what is there; query searches " +
  "by words, by vectors, by both and by filters, and counts. Ids are unique within a namespace.";
const capabilities = { tools: {} };
/** Which tools there are follows from the key, which may soon be another one. */
const cacheable = { ttlMs: 60_000, cacheScope: "private" };

export async function answerMcp(scope: Scope): Promise<Response> {
  const usable = usableTools(scope);
  return await scope.withJson(limits.bodyBytesMax, async (json) => {
    let id: MessageId | undefined;
    try {
      const message = readMessage(json);
      id = message.id;
      const era = readEra(scope.request.headers, message);
      if (id === undefined) return new Response(null, { status: 202 });
      const result = await resultOf(scope, usable, message, era);
      return respond(scope, id, { result: era === "stateless" ? complete(result) : result });
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      return respond(scope, id, { error: describe(error) }, error.status);
    }
  });
}

type Result = Readonly<Record<string, JsonEncodable>>;

async function resultOf(
  scope: Scope,
  usable: readonly Tool[],
  { method, params }: Message,
  era: Era,
): Promise<Result> {
  switch (method) {
    case "tools/list":
      return { tools: usable.map(describeTool), ...(era === "stateless" ? cacheable : {}) };
    case "tools/call": {
      const tool = usable.find(({ name }) => name === params["name"]);
      if (tool === undefined) throw unknownTool(scope, params["name"]);
      return await callTool(scope, tool, params["arguments"] ?? {});
    }
    case "server/discover":
      if (era === "handshake") break;
      return { supportedVersions, capabilities, instructions, ...cacheable };
    case "initialize": {
      if (era === "stateless") break;
      const protocolVersion = agreeOnVersion(params["protocolVersion"]);
      return { protocolVersion, capabilities, serverInfo, instructions };
    }
    case "ping":
      if (era === "stateless") break;
      return {};
  }
  const status = era === "stateless" ? 404 : 200;
  throw new RpcError(codes.methodNotFound, `Method not found: ${method}`, status);
}

function complete(result: Result): Result {
  return {
    resultType: "complete",
    ...result,
    _meta: { "io.modelcontextprotocol/serverInfo": serverInfo },
  };
}

/** Those that the key may use; for which names it may, each call is asked. */
function usableTools({ principal, request }: Scope): readonly Tool[] {
  const isReadOnly = readFlag(request);
  return tools.filter(({ access }) => {
    if (access !== "read" && isReadOnly) return false;
    return refuseAccess(principal, access, undefined) === undefined;
  });
}

function readFlag({ url }: Request): boolean {
  const text = new URL(url).searchParams.get("read_only") ?? "false";
  if (text !== "true" && text !== "false") {
    throw invalid("read_only must be true or false", "read_only");
  }
  return text === "true";
}

function unknownTool(scope: Scope, name: unknown): RpcError {
  const tool = tools.find((each) => each.name === name);
  const reason =
    tool === undefined
      ? `Unknown tool: ${String(name)}`
      : (refuseAccess(scope.principal, tool.access, undefined) ??
        `${tool.name} writes, and this endpoint was opened with read_only=true`);
  return new RpcError(codes.invalidParams, reason, 200);
}

function describeTool({ name, title, about, access, fields, destructive }: Tool): Result {
  return {
    name,
    title,
    description: about,
    inputSchema: { ...describeTable(fields), additionalProperties: false } as JsonValue & object,
    annotations: {
      readOnlyHint: access === "read",
      destructiveHint: destructive,
      idempotentHint: true,
      openWorldHint: false,
    },
  };
}

/** What the endpoint answers or refuses, as text. */
async function callTool(scope: Scope, tool: Tool, args: unknown): Promise<Result> {
  const response = await carryOut(scope, tool, args);
  const text = await response.text();
  return {
    content: [{ type: "text", text: fitAnswer(text, limits.toolAnswerBytesMax) }],
    isError: response.status >= 300,
  };
}

async function carryOut(scope: Scope, tool: Tool, args: unknown): Promise<Response> {
  try {
    const name = namespaceOf(tool, args);
    const reason = refuseAccess(scope.principal, tool.access, name);
    if (reason !== undefined) throw new EngineError("forbidden", reason);
    const { params = {}, body } = await tool.plan(scope, name ?? "", args);
    return await tool.handle(within(scope, params, body), name ?? "", "");
  } catch (error) {
    return respondError(scope.request, error, scope.ports.log);
  }
}

/** The caller's scope for another request, whose body is here already. */
function within(scope: Scope, params: Readonly<Record<string, string>>, body: unknown): Scope {
  const url = new URL(scope.request.url);
  url.search = new URLSearchParams(params).toString();
  return {
    ...scope,
    request: new Request(url),
    withJson: (_bytesMax, use) => use(body),
    withBody: async (_bytesMax, look, use) =>
      use(body, await look(encodeJson((body ?? null) as JsonValue))),
  };
}

function describe({ code, message, data }: RpcError): JsonEncodable {
  return { code, message, ...(data === undefined ? {} : { data }) };
}

function respond(
  { request }: Scope,
  id: MessageId | undefined,
  outcome: Result,
  status = 200,
): Response {
  return respondJson(request, { jsonrpc: "2.0", id: id ?? null, ...outcome }, { status });
}
