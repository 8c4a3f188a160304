/** The examples of README.md, in the order in which they stand there, against a real server. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startShell } from "./command.ts";
import { server } from "./harness.ts";

const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");

function blocks(language: string, content: string): readonly string[] {
  const all = Array.from(readme.matchAll(/```(\w+)\n([\s\S]*?)```/g));
  return all.flatMap(([, name, text = ""]) =>
    name === language && text.includes(content)
      ? [text.replaceAll("http://127.0.0.1:8787", server.directUrl)]
      : [],
  );
}

async function run(line: string): Promise<string> {
  const command = startShell(`SHOAL_API_KEY=${server.apiKey}\nexport SHOAL_API_KEY\n${line}`);
  expect(await command.ended, command.stderr()).toBe(0);
  return command.stdout();
}

it("work as they stand", async () => {
  const [write = "", search = "", ...others] = blocks("sh", "curl");
  expect(others).toEqual([]);
  expect(JSON.parse(await run(write))).toMatchObject({ status: "OK", rows_affected: 3 });
  const found = JSON.parse(await run(search)) as { rows: { name: string }[] };
  expect(found.rows.map(({ name }) => name)).toEqual(["Marigold", "Tern"]);

  const [client = ""] = blocks("ts", "Turbopuffer");
  const script = `${client}\nconsole.log(JSON.stringify(rows));`;
  const printed = await run(`node --input-type=module <<'END'\n${script}\nEND`);
  expect(JSON.parse(printed)).toMatchObject([{ name: "Marigold", built: 1961 }, { name: "Tern" }]);
});
