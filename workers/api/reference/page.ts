/**
 * The reference page: the same operations as the OpenAPI document, as HTML for people. It needs no
 * script, and loads nothing.
 */
import { limitTable } from "../limit-table.ts";
import { answers } from "./answers.ts";
import { apiAbout, apiTitle, refusals, refusalsOf } from "./document.ts";
import { type Field, type FieldTable, type JsonSchema, typesOf } from "./field.ts";
import type { Operation } from "./operation.ts";

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: 0 } h2 { margin-top: 3rem } h3 { margin: 2.5rem 0 0 }
code { font: 0.9em ui-monospace, monospace } h3 code { font-size: 1em }
table { border-collapse: collapse; width: 100%; margin: 0.75rem 0 }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.8rem 0.3rem 0;
  border-bottom: 1px solid #8884 }
nav ul { padding: 0; list-style: none; columns: 22rem } .note { opacity: 0.7 }`;

export function renderPage(open: readonly Operation[], closed: readonly Operation[]): string {
  const all = [...closed, ...open];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${apiTitle}: API reference</title>
<style>${style}
</style>
</head>
<body>
<h1>${apiTitle}</h1>
<p>${prose(apiAbout)} For machines: <a href="/openapi.json">openapi.json</a>.</p>
<nav><ul>
${all.map((each) => `<li><a href="#${anchor(each)}">${title(each)}</a></li>`).join("\n")}
</ul></nav>
<main>
<h2>Endpoints</h2>
${all.map((each) => renderOperation(each, open.includes(each))).join("\n")}
<h2 id="answers">Answers</h2>
<p>Fields may be added: ignore those you do not know.</p>
${Object.entries(answers).map(renderAnswer).join("\n")}
<h2 id="errors">Errors</h2>
<p>Every other answer is <code>{"status": "error", "error": "…"}</code>. Clients repeat a request
on 409, 429 and 5xx by themselves, unless <code>x-should-retry</code> says otherwise.
<code>x-request-id</code> is the name of the request in the server's log.</p>
${renderRows(
  ["status", "means"],
  Object.entries(refusals).map(([status, { about }]) => [status, prose(about)]),
)}
<h2 id="limits">Limits</h2>
<p>Also at <code>GET /v1/limits</code>. Bytes are of decompressed bodies.</p>
${renderRows(
  ["limit", "", "of"],
  Object.entries(limitTable).map(([name, { value, about }]) => [
    `<code>${escape(name)}</code>`,
    value.toLocaleString("en-US"),
    prose(about),
  ]),
)}
</main>
</body>
</html>
`;
}

function renderOperation(operation: Operation, isOpen: boolean): string {
  const { about, params, headers, body, answer } = operation;
  return `<section>
<h3 id="${anchor(operation)}">${title(operation)}</h3>
<p>${prose(about)}${isOpen ? ' <span class="note">Open: needs no key.</span>' : ""}</p>
${renderTable("parameter", params)}${renderTable("header", headers)}${
  body === undefined
    ? ""
    : "fields" in body
      ? renderTable("field", body.fields)
      : `<p>Body: ${prose(body.about)}</p>\n`
}<p class="note">Answers ${answer.status} with <a href="#answer-${answer.is}"><code>${answer.is}</code></a>${
    isOpen ? "" : `, or ${refusalsOf(operation).join(", ")}`
  }.</p>
</section>`;
}

function renderAnswer([name, schema]: readonly [string, JsonSchema]): string {
  const about = typeof schema["description"] === "string" ? `${prose(schema["description"])}.` : "";
  const rows = propertiesOf(schema).map(([field, part, isRequired]) => [
    `<code>${escape(field)}</code>`,
    schemaText(part) + (isRequired ? "" : ", not always"),
    typeof part["description"] === "string" ? prose(part["description"]) : "",
  ]);
  const table = rows.length === 0 ? "" : renderRows(["field", "type", ""], rows);
  return `<section>\n<h3 id="answer-${name}"><code>${name}</code></h3>\n<p>${about}</p>\n${table}\n</section>`;
}

/** Fields of an object and of the objects in it, by their paths. */
function propertiesOf(
  schema: JsonSchema,
  path = "",
): readonly (readonly [string, JsonSchema, boolean])[] {
  const { properties, required, items } = schema;
  if (isSchema(items)) return propertiesOf(items, `${path}[]`);
  if (!isSchema(properties)) return [];
  return Object.entries(properties).flatMap(([name, part]) => {
    const place = path === "" ? name : `${path}.${name}`;
    if (!isSchema(part)) return [];
    const isRequired = Array.isArray(required) && required.includes(name);
    return [[place, part, isRequired] as const, ...propertiesOf(part, place)];
  });
}

function isSchema(part: unknown): part is JsonSchema {
  return typeof part === "object" && part !== null && !Array.isArray(part);
}

function schemaText({ type, enum: values, const: only, items, minimum }: JsonSchema): string {
  if (Array.isArray(values))
    return values.map((value) => `<code>${String(value)}</code>`).join(", ");
  if (typeof only === "string") return `<code>${only}</code>`;
  const types = Array.isArray(type) ? type.join(" or ") : typeof type === "string" ? type : "any";
  if (types === "array" && isSchema(items)) return `array of ${schemaText(items)}`;
  return types === "integer" && minimum === 0 ? "integer ≥ 0" : types;
}

function renderTable(head: string, table: FieldTable | undefined): string {
  if (table === undefined) return "";
  return renderRows([head, "type", ""], rowsOf(table, "")) + "\n";
}

function rowsOf(table: FieldTable, path: string): readonly (readonly string[])[] {
  return Object.entries(table).flatMap(([name, field]) => [
    [`<code>${escape(path + name)}</code>`, typeText(field), prose(field.about)],
    ...(field.keys === undefined ? [] : rowsOf(field.keys, `${path}${name}.`)),
  ]);
}

function typeText(field: Field): string {
  const names = typesOf(field).map((type) => (type === "count" ? "integer ≥ 0" : type));
  const values = field.values?.map((value) => `<code>${escape(value)}</code>`);
  return `${values?.join(" or ") ?? names.join(" or ")}${field.required === true ? ", required" : ""}`;
}

function renderRows(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, row: readonly string[]): string =>
    `<tr>${row.map((cell) => `<${tag}>${cell}</${tag}>`).join("")}</tr>`;
  return `<table>\n${cells("th", head)}\n${rows.map((row) => cells("td", row)).join("\n")}\n</table>`;
}

function title({ method, path }: Operation): string {
  return `<code>${method} ${escape(path)}</code>`;
}

function anchor({ method, path }: Operation): string {
  return `${method}${path}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
}

/** Plain text with `code` in it. */
function prose(text: string): string {
  return escape(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}

function escape(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
  };
  return text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? character);
}
