/**
 * A server on what the last one left, and how long it takes to be of use: from the moment its new
 * socket accepts a connection to its first strong answer.
 */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { ApiClient } from "../api-client.ts";
import { freePort } from "../free-port.ts";
import { type Shoal, type ShoalOptions, spawnShoal } from "../miniflare.ts";
import { readPage } from "./inspection.ts";

export interface RunningServer {
  readonly server: Shoal;
  readonly api: ApiClient;
}

export interface RecoveredServer extends RunningServer {
  readonly recoveryMs: number;
}

const recoveryMsMax = 60_000;
const retryMs = 5;

export async function startServer(options: ShoalOptions): Promise<RunningServer> {
  const server = await spawnShoal(options);
  return { server, api: clientOf(server.directUrl, server.apiKey) };
}

/** The first question is asked as soon as anybody could ask one, not when all is said to be up. */
export async function startAndMeasure(
  options: ShoalOptions & { readonly apiKey: string },
  namespace: string,
): Promise<RecoveredServer> {
  const directPort = await freePort();
  const api = clientOf(`http://127.0.0.1:${directPort}`, options.apiKey);
  const starting = spawnShoal({ ...options, directPort });
  const gaveUp = new AbortController();
  const measured = accepts(directPort, gaveUp.signal).then(() => firstAnswer(api, namespace));
  // Looked at below, unless the server did not start.
  measured.catch(() => undefined);
  let server: Shoal;
  try {
    server = await starting;
  } catch (error) {
    gaveUp.abort();
    throw error;
  }
  try {
    return { server, api, recoveryMs: await measured };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

function clientOf(url: string, apiKey: string): ApiClient {
  return new ApiClient({ url, apiKey });
}

async function accepts(port: number, gaveUp: AbortSignal): Promise<void> {
  while (!(await tryConnect(port))) {
    gaveUp.throwIfAborted();
    await sleep(retryMs);
  }
}

function tryConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function firstAnswer(api: ApiClient, namespace: string): Promise<number> {
  const startedMs = performance.now();
  for (;;) {
    try {
      await readPage(api, namespace, { afterId: -1, limit: 1, patienceMs: 0 });
      return Math.round(performance.now() - startedMs);
    } catch (error) {
      if (performance.now() - startedMs > recoveryMsMax) throw error;
      await sleep(retryMs);
    }
  }
}
