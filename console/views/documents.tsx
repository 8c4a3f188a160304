/**
 * Documents in the order of their ids, a page at a time, among what filters leave. All pages are of
 * one moment, that of the first.
 */
import { useState } from "preact/hooks";
import type { QueryAnswer, Row } from "../model/answers.ts";
import { namespacePath } from "../model/api.ts";
import type { Column } from "../model/columns.ts";
import { embeddingDimensions } from "../model/encoder.ts";
import type { FilterRow } from "../model/filters.ts";
import { formatValue } from "../model/format.ts";
import { buildBody, firstForm, type QueryForm } from "../model/query-form.ts";
import { Pager, Show, Table } from "../parts/controls.tsx";
import { DocumentDialog } from "../parts/document-dialog.tsx";
import { FilterEditor } from "../parts/filter-editor.tsx";
import { useLoad } from "../parts/use-load.ts";
import type { TabProps } from "./namespace.tsx";

const pageRows = 25;
const columnsShown = 7;
/** Characters of a value that wants a wide column. */
const longFrom = 30;

export function Documents({ api, name, columns }: TabProps) {
  const [filters, setFilters] = useState<readonly FilterRow[]>([]);
  const [asked, setAsked] = useState<readonly FilterRow[]>([]);
  const [cursors, setCursors] = useState<readonly string[]>([]);
  const [opened, setOpened] = useState<Row>();
  const cursor = cursors.at(-1) ?? true;
  const [page, reload] = useLoad(
    async (signal) => {
      const form: QueryForm = {
        ...firstForm(columns, embeddingDimensions),
        mode: "order",
        filters: asked,
        limit: pageRows,
      };
      const body = { ...buildBody(form, columns, undefined), cursor };
      return await api.post<QueryAnswer>(namespacePath(name, 2, "/query"), body, signal);
    },
    [api, name, asked, cursor],
  );
  return (
    <>
      <form
        class="panel"
        onSubmit={(event) => {
          event.preventDefault();
          setCursors([]);
          setAsked([...filters]);
        }}
      >
        <FilterEditor columns={columns} rows={filters} onChange={setFilters} />
        <button type="submit" class="main">
          Show
        </button>
      </form>
      <Show of={page}>
        {({ rows = [], next_cursor: next }) => (
          <>
            <DocumentTable columns={columns} rows={rows} onOpen={setOpened} />
            <Pager cursors={cursors} next={next} onTurn={setCursors} />
          </>
        )}
      </Show>
      {opened === undefined ? null : (
        <DocumentDialog
          api={api}
          namespace={name}
          row={opened}
          onClose={() => setOpened(undefined)}
          onDeleted={() => {
            setOpened(undefined);
            setCursors([]);
            reload();
          }}
        />
      )}
    </>
  );
}

interface DocumentTableProps {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  readonly onOpen: (row: Row) => void;
}

export function DocumentTable({ columns, rows, onOpen }: DocumentTableProps) {
  const shown = columns
    .filter(({ name, packed }) => name !== "id" && !packed)
    .slice(0, columnsShown)
    .map(({ name }) => name);
  const hasDistance = rows.some(({ $dist }) => $dist !== undefined);
  if (rows.length === 0) return <p class="quiet">No documents.</p>;
  return (
    <Table caption="Documents" head={["id", ...(hasDistance ? ["#$dist"] : []), ...shown]}>
      {rows.map((row) => (
        <tr key={String(row.id)}>
          <th scope="row">
            <button type="button" class="link" onClick={() => onOpen(row)}>
              {formatValue(row.id, 40)}
            </button>
          </th>
          {hasDistance ? <td class="number">{row.$dist?.toFixed(4)}</td> : null}
          {shown.map((name) => (
            <td key={name} class={formatValue(row[name]).length > longFrom ? "long" : ""}>
              {formatValue(row[name])}
            </td>
          ))}
        </tr>
      ))}
    </Table>
  );
}
