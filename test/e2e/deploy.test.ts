/** `shoal deploy`, with a program in wrangler's place that notes what it is asked to do. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startCommand } from "./command.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-deploy-"));
  writeFileSync(join(folder, "calls"), "");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** `answers`: cases of a shell, by the arguments as one text. Anything else succeeds. */
async function deploy(answers: string, ...args: readonly string[]) {
  const wrangler = join(folder, "wrangler");
  const script = `#!/bin/sh
input=$(cat)
echo "$* <$input>" >> '${join(folder, "calls")}'
case "$*" in
${answers}
deploy) echo 'Deployed shoal' && echo '  https://shoal.example.workers.dev' ;;
esac
`;
  writeFileSync(wrangler, script, { mode: 0o755 });
  const command = startCommand(["cli", "deploy", "--wrangler", wrangler, ...args], {
    XDG_CONFIG_HOME: folder,
  });
  const code = await command.ended;
  const calls = readFileSync(join(folder, "calls"), "utf8").trim().split("\n");
  return { code, stdout: command.stdout(), stderr: command.stderr(), calls };
}

function login(): { readonly url: string; readonly apiKey: string } {
  const text = readFileSync(join(folder, "shoal", "login.json"), "utf8");
  return JSON.parse(text) as { url: string; apiKey: string };
}

const made = [
  "whoami <>",
  "r2 bucket create shoal <>",
  "queues create shoal-jobs <>",
  "queues create shoal-jobs-dead <>",
  "deploy <>",
];

it("says what it would do, and does nothing, unless it is told to", async () => {
  const { code, stdout, calls } = await deploy("");
  expect(code).toBe(0);
  expect(calls).toEqual([""]);
  const steps = stdout.split("\n").filter((line) => line.includes("npx wrangler"));
  expect(steps.map((line) => line.trim().replace("npx wrangler ", ""))).toEqual([
    "login",
    ...made.slice(1).map((call) => call.replace(" <>", "")),
    "secret put SHOAL_API_KEYS",
  ]);
});

it("makes bucket and queues, deploys, keeps a key that it shows once, and logs in", async () => {
  const { code, stdout, stderr, calls } = await deploy("", "--run");
  expect(code, stderr).toBe(0);
  const key = /not shown again: (\S+)/.exec(stdout)?.[1] ?? "";
  expect(key).toMatch(/^shoal_/);
  expect(calls).toEqual([...made, `secret put SHOAL_API_KEYS <${key}>`]);
  expect(login()).toEqual({ url: "https://shoal.example.workers.dev", apiKey: key });
});

it("leaves out what is there, and the keys if it is asked to", async () => {
  const there = `
"r2 bucket create"*) echo 'The bucket already exists, and you own it. [code: 10004]' >&2; exit 1 ;;
"queues create shoal-jobs") echo 'Queue name is already taken [code: 11009]' >&2; exit 1 ;;`;
  const { code, stdout, stderr, calls } = await deploy(there, "--run", "--no-key");
  expect(code, stderr).toBe(0);
  expect(calls).toEqual(made);
  expect(stderr.match(/is there already/g)).toHaveLength(2);
  expect(stdout).toContain("Deployed to https://shoal.example.workers.dev.");
});

it("ends at the first step that fails, with wrangler's own words", async () => {
  const calls = [...made, "secret put SHOAL_API_KEYS <key>"];
  for (const i of [0, 2, 4, 5]) {
    const call = calls[i] ?? "";
    writeFileSync(join(folder, "calls"), "");
    const args = call.replace(/ <.*/, "");
    const failed = await deploy(`"${args}") echo 'there is no such plan' >&2; exit 1 ;;`, "--run");
    expect(failed.calls).toHaveLength(i + 1);
    expect([args, failed.code]).toEqual([args, i === 0 ? 2 : 1]);
    expect(failed.stderr).toContain(
      i === 0 ? "npx wrangler login" : `wrangler ${args} did not succeed:\n\nthere is no such plan`,
    );
    expect(failed.stdout).not.toContain("shoal_");
  }
});

it("cannot run without wrangler, or without a login", async () => {
  const nowhere = startCommand(["cli", "deploy", "--run", "--wrangler", join(folder, "absent")]);
  expect(await nowhere.ended).toBe(2);
  expect(nowhere.stderr()).toContain("Cannot run wrangler");
  const stranger = await deploy("whoami) echo 'You are not authenticated.' ;;", "--run");
  expect(stranger.code).toBe(2);
  expect(stranger.stderr).toContain("npx wrangler login");
  expect(stranger.calls).toEqual(["whoami <>"]);
});
