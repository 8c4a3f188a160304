/**
 * A port for a server that is about to start. It is chosen below the range from which systems take
 * the ports of outgoing connections (Linux 32768 to 60999, macOS 49152 to 65535), so that none of
 * those can be in its place before the server is.
 */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";

const host = "127.0.0.1";
const portMin = 20_000;
const portEnd = 32_768;
const triesMax = 100;

/** Free when asked: another server may be faster, but hardly ever is. */
export async function freePort(): Promise<number> {
  for (let i = 0; i < triesMax; i++) {
    const port = randomInt(portMin, portEnd);
    if (await isFree(port)) return port;
  }
  throw new Error(`${triesMax} ports from ${portMin} on are taken`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
