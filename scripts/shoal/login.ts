/** `shoal login URL`, `shoal logout`, `shoal whoami`. */
import { createInterface } from "node:readline";
import { Command } from "commander";
import { ApiClient } from "../api-client.ts";
import { readLocalKey } from "../local-key.ts";
import { cannotRun } from "../outcome.ts";
import {
  connect,
  explain,
  forgetLogin,
  localUrl,
  loginFile,
  ping,
  readLogin,
  type ServerOptions,
  withServer,
  writeLogin,
} from "./connection.ts";

export function loginCommand(): Command {
  return new Command("login")
    .description("remember a server and a key for it, after trying them")
    .argument("[url]", "the server", localUrl)
    .option("--api-key <key>", "the key; otherwise asked for, or read from standard input")
    .action(login);
}

async function login(url: string, { apiKey }: ServerOptions): Promise<void> {
  if (!/^https?:\/\/\S+$/.test(url)) throw cannotRun(`${url} is no URL: https://… it must be.`);
  const isLocal = url.replace(/\/+$/, "") === localUrl;
  const key = apiKey ?? (isLocal ? readLocalKey() : undefined) ?? (await askForKey(url));
  if (key === "") throw cannotRun("Without a key there is no login.");
  const client = new ApiClient({ url, apiKey: key });
  try {
    await ping(client);
  } catch (error) {
    throw explain(error, client);
  }
  writeLogin(client.connection);
  console.log(`Logged in to ${client.connection.url}. The key is kept in ${loginFile()}.`);
}

/** Nothing of what is typed is shown. */
function askForKey(url: string): Promise<string> {
  const { stdin, stderr } = process;
  const lines = createInterface({ input: stdin, terminal: stdin.isTTY === true });
  if (stdin.isTTY === true) stderr.write(`API key for ${url}: `);
  return new Promise((resolve) => {
    lines.once("line", (line) => {
      lines.close();
      if (stdin.isTTY === true) stderr.write("\n");
      resolve(line.trim());
    });
    lines.once("close", () => resolve(""));
  });
}

export function logoutCommand(): Command {
  return new Command("logout").description("forget what login remembered").action(() => {
    console.log(forgetLogin() ? "Forgotten." : "There was no login.");
  });
}

export function whoamiCommand(): Command {
  return withServer(new Command("whoami").description("which server, and with which key")).action(
    (options: ServerOptions) => {
      const { url, apiKey } = connect(options).connection;
      const origin = readLogin()?.url === url ? "as logged in" : "not from a login";
      console.log(`${url}, key ${apiKey.slice(0, 12)}…, ${origin}`);
    },
  );
}
