/**
 * Which server a command talks to, and with which key. In this order:
 *
 *   1. --url and --api-key      3. what `shoal login` kept
 *   2. SHOAL_URL, SHOAL_API_KEY 4. the server of `npm start` in this folder
 *
 * A key is only ever sent to the URL it was given for.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { ApiClient, ApiError } from "../api-client.ts";
import { readLocalKey } from "../local-key.ts";
import { cannotRun, failed, Outcome } from "../outcome.ts";

export interface ServerOptions {
  readonly url?: string;
  readonly apiKey?: string;
}

export const localUrl = "http://127.0.0.1:8787";

export function withServer(command: Command): Command {
  return command
    .option("--url <url>", "the server (default: $SHOAL_URL, the login, or npm start's)")
    .option("--api-key <key>", "its key (default: $SHOAL_API_KEY, or as the URL)");
}

export function connect(options: ServerOptions): ApiClient {
  const urlOfEnv = process.env["SHOAL_URL"] || undefined;
  const keyOfEnv = process.env["SHOAL_API_KEY"] || undefined;
  const login = readLogin();
  const url = trim(options.url ?? urlOfEnv ?? login?.url ?? localUrl);
  const keyOfLogin = login !== undefined && trim(login.url) === url ? login.apiKey : undefined;
  const keyOfStart = url === localUrl ? readLocalKey() : undefined;
  const apiKey = options.apiKey ?? keyOfEnv ?? keyOfLogin ?? keyOfStart;
  if (apiKey === undefined) {
    throw cannotRun(
      url === localUrl
        ? "There is no key yet: run `npm start` first, or `shoal login <url>`, or give --api-key."
        : `There is no key for ${url}: run \`shoal login ${url}\`, or give --api-key.`,
    );
  }
  return new ApiClient({ url, apiKey });
}

/** Throws an Outcome that says why the server cannot be used. */
export async function ping(client: ApiClient): Promise<void> {
  await client.get("/v1/limits", { patienceMs: 0 });
}

/**
 * No answer, or a key that is refused, means that the command could not run; anything else that the
 * server refuses is a failure of what was asked.
 */
export function explain(error: unknown, client: ApiClient): unknown {
  if (!(error instanceof ApiError) || error instanceof Outcome) return error;
  const { url } = client.connection;
  if (error.status === 0) {
    const hint = url === localUrl ? " Is `npm start` running?" : "";
    return cannotRun(`The server at ${url} cannot be used: ${error.message}.${hint}`);
  }
  return [401, 403].includes(error.status) ? cannotRun(error.message) : failed(error.message);
}

/** Connects, does it, and turns what the server says into how the command ends. */
export async function onServer<T>(
  options: ServerOptions,
  use: (client: ApiClient) => Promise<T>,
): Promise<T> {
  const client = connect(options);
  try {
    return await use(client);
  } catch (error) {
    throw explain(error, client);
  }
}

// ---- What login keeps ---------------------------------------------------------------------------

export interface Login {
  readonly url: string;
  readonly apiKey: string;
}

export function loginFile(): string {
  const { XDG_CONFIG_HOME } = process.env;
  return join(XDG_CONFIG_HOME ?? join(homedir(), ".config"), "shoal", "login.json");
}

export function readLogin(): Login | undefined {
  try {
    const { url, apiKey } = JSON.parse(readFileSync(loginFile(), "utf8")) as Partial<Login>;
    return typeof url === "string" && typeof apiKey === "string" ? { url, apiKey } : undefined;
  } catch {
    return undefined;
  }
}

/** Readable by nobody else. */
export function writeLogin(login: Login): void {
  mkdirSync(dirname(loginFile()), { recursive: true, mode: 0o700 });
  rmSync(loginFile(), { force: true });
  writeFileSync(loginFile(), `${JSON.stringify(login, null, 2)}\n`, { mode: 0o600 });
}

export function forgetLogin(): boolean {
  const known = readLogin() !== undefined;
  rmSync(loginFile(), { force: true });
  return known;
}

function trim(url: string): string {
  return url.replace(/\/+$/, "");
}
