/** What a query found: as cards to read, as a table to compare, or as it came. */
import { useState } from "preact/hooks";
import type { Row } from "../model/answers.ts";
import type { Api } from "../model/api.ts";
import { type Column, titleOf } from "../model/columns.ts";
import { formatValue } from "../model/format.ts";
import { excerpt, type Fragment, fragmentsOf, piecesOf } from "../model/highlight.ts";
import { formatJson } from "../model/json.ts";
import { Choice } from "../parts/controls.tsx";
import { DocumentDialog } from "../parts/document-dialog.tsx";
import { DocumentTable } from "./documents.tsx";
import type { Outcome } from "./playground.tsx";

type View = "cards" | "table" | "json";
const views: readonly (readonly [View, string])[] = [
  ["cards", "Cards"],
  ["table", "Table"],
  ["json", "JSON"],
];

interface ResultsProps {
  readonly api: Api;
  readonly name: string;
  readonly columns: readonly Column[];
  readonly outcome: Outcome;
}

export function Results({ api, name, columns, outcome }: ResultsProps) {
  const [view, setView] = useState<View>("cards");
  const [opened, setOpened] = useState<Row>();
  const { answer } = outcome;
  const rows = answer.rows ?? answer.results?.flatMap((result) => result.rows ?? []);
  const isRows = rows !== undefined;
  return (
    <section aria-label="Results">
      <div class="row spread">
        <h2>
          <span role="status">{isRows ? `${rows.length} documents` : "Figures"}</span>
        </h2>
        {isRows ? (
          <Choice legend="Show as" name="view" value={view} options={views} onChange={setView} />
        ) : null}
      </div>
      {!isRows || view === "json" ? (
        <pre class="json" tabIndex={0}>
          {formatJson(isRows ? rows : (answer.aggregation_groups ?? answer.aggregations ?? {}))}
        </pre>
      ) : view === "table" ? (
        <DocumentTable columns={columns} rows={rows} onOpen={setOpened} />
      ) : (
        <Cards columns={columns} rows={rows} onOpen={setOpened} />
      )}
      {opened === undefined ? null : (
        <DocumentDialog
          api={api}
          namespace={name}
          row={opened}
          onClose={() => setOpened(undefined)}
          onDeleted={() => setOpened(undefined)}
        />
      )}
    </section>
  );
}

interface CardsProps {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  readonly onOpen: (row: Row) => void;
}

function Cards({ columns, rows, onOpen }: CardsProps) {
  const title = titleOf(columns);
  const body = columns.find(
    ({ name, type }) =>
      type === "string" && name !== title && /text|body|content|summary|desc|abstract/i.test(name),
  )?.name;
  const facts = columns.filter(
    ({ name, packed }) => name !== "id" && name !== title && name !== body && !packed,
  );
  return (
    <ol class="cards">
      {rows.map((row) => (
        <li key={String(row.id)}>
          <header class="row spread">
            <button type="button" class="link" onClick={() => onOpen(row)}>
              <Marked
                text={formatValue(title === undefined ? row.id : (row[title] ?? row.id))}
                fragments={title === undefined ? [] : fragmentsOf(row, title)}
              />
            </button>
            {row.$dist === undefined ? null : (
              <span class="number quiet">{row.$dist.toFixed(4)}</span>
            )}
          </header>
          {body === undefined ? null : (
            <p>
              <Marked
                text={excerpt(formatValue(row[body], 10_000))}
                fragments={fragmentsOf(row, body)}
              />
            </p>
          )}
          <p class="facts">
            <span>
              <b>id</b> {formatValue(row.id)}
            </span>
            {facts.map(({ name }) =>
              row[name] === undefined || row[name] === null ? null : (
                <span key={name}>
                  <b>{name}</b> {formatValue(row[name], 60)}
                </span>
              ),
            )}
          </p>
        </li>
      ))}
    </ol>
  );
}

interface MarkedProps {
  readonly text: string;
  readonly fragments: readonly Fragment[];
}

/** The fragments, or the text if there are none. */
function Marked({ text, fragments }: MarkedProps) {
  if (fragments.length === 0) return <>{text}</>;
  const pieces = fragments.flatMap((fragment, i) => [
    ...(i === 0 ? [] : [{ text: " … ", isMatch: false }]),
    ...piecesOf(fragment),
  ]);
  return (
    <>{pieces.map(({ text, isMatch }, i) => (isMatch ? <mark key={i}>{text}</mark> : text))}</>
  );
}
