/**
 * `npm start` as a user meets it: from nothing, a second time, and when something is in its way.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, expect, it } from "vitest";
import { ApiClient } from "../../scripts/api-client.ts";
import { freePort } from "../../scripts/free-port.ts";
import { descendants } from "../../scripts/process-cpu.ts";
import { isAlive, occupyPort, type RunningCommand, startCommand, startShell } from "./command.ts";

const state = mkdtempSync(join(tmpdir(), "shoal-start-"));
const running: RunningCommand[] = [];

afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill("SIGTERM");
    await ended;
  }
});
afterAll(() => rmSync(state, { recursive: true, force: true }));

function start(port: number, ...args: readonly string[]): RunningCommand {
  const command = startCommand(["start", "--port", String(port), "--state", state, ...args]);
  running.push(command);
  return command;
}

async function until(command: RunningCommand, pattern: RegExp): Promise<string> {
  for (let waitedMs = 0; waitedMs < 100_000; waitedMs += 50) {
    if (pattern.test(command.stdout())) return command.stdout();
    if (command.child.exitCode !== null) break;
    await sleep(50);
  }
  throw new Error(`not ready:\n${command.stdout()}\n${command.stderr()}`);
}

/** The indented or unindented block that follows a line. */
function blockAfter(text: string, line: string): string {
  return text.split(`${line}\n\n`)[1]?.split("\n\n")[0] ?? "";
}

async function run(line: string): Promise<string> {
  const command = startShell(line);
  expect(await command.ended, command.stderr()).toBe(0);
  return command.stdout();
}

it("loads a sample, shows a result, and prints examples that work as they are", async () => {
  const port = await freePort();
  const command = start(port, "--fresh");
  const text = await until(command, /Ctrl-C ends it/);
  expect(command.stderr()).toMatch(/Wrote 300 documents/);
  expect(text).toMatch(/The father carries the eggs/);
  expect(text).toMatch(new RegExp(`URL +http://127\\.0\\.0\\.1:${port}\n`));
  expect(text).toMatch(/API key +shoal_\S{32}\n/);

  const table = await run(blockAfter(text, "With the command line, from this folder:"));
  expect(table).toContain("*octopus*");
  const answer: unknown = JSON.parse(await run(blockAfter(text, "With curl:")));
  const titles = (answer as { rows: { title: string }[] }).rows.map(({ title }) => title);
  expect(titles).toEqual(["The sound of fog", "Red means turn", "From oil to a diode"]);
  const heading = "With the official TypeScript client, from this folder:";
  expect(await run(blockAfter(text, heading))).toMatch(/Why herring swim in schools/);

  const below = descendants(command.child.pid ?? 0);
  expect(below.length).toBeGreaterThan(2);
  command.child.kill("SIGINT");
  expect(await command.ended).toBe(0);
  expect(below.filter(isAlive)).toEqual([]);
});

it("keeps state and key, loads nothing the second time, and says little if asked to", async () => {
  const port = await freePort();
  const command = start(port, "--quiet");
  const text = await until(command, /shoal_\S+\n/);
  const [url = "", apiKey = "", ...others] = text.trimEnd().split("\n");
  expect(url).toBe(`http://127.0.0.1:${port}`);
  expect(others).toEqual([]);
  expect(command.stderr()).toBe("");
  const client = new ApiClient({ url, apiKey });
  const status = await client.get<{ head: number }>("/v1/namespaces/sample/index");
  expect(status.head).toBe(1);

  // Two servers would each believe that the log is theirs alone; --fresh would delete it.
  const second = start(await freePort(), "--fresh");
  expect(await second.ended).toBe(2);
  expect(second.stderr()).toMatch(/^A server with this state runs already \(process \d+\)/);
  expect(await client.get("/v1/namespaces/sample/index")).toEqual(status);
});

it("ends at once, and leaves nothing, when interrupted while starting", async () => {
  const command = start(await freePort());
  while (descendants(command.child.pid ?? 0).length < 2) await sleep(20);
  await sleep(300);
  const below = descendants(command.child.pid ?? 0);
  command.child.kill("SIGINT");
  expect(await command.ended).toBe(0);
  await sleep(200);
  expect(below.filter(isAlive)).toEqual([]);
});

it("says in one sentence that the port is taken, and exits with 2", async () => {
  const { port, close } = await occupyPort();
  try {
    const command = start(port);
    expect(await command.ended).toBe(2);
    expect(command.stderr()).toBe(
      `Port ${port} is in use: end what uses it, or choose another with --port.\n`,
    );
  } finally {
    close();
  }
});
