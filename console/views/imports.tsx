/** Imports that the server does itself, of objects in its bucket: those there are, and a new one. */
import { useState } from "preact/hooks";
import type { ImportState, RejectedRow } from "../model/answers.ts";
import { type Api, namespacePath } from "../model/api.ts";
import { formatBytes, formatCount, formatTime, formatValue } from "../model/format.ts";
import { parseJson } from "../model/json.ts";
import { Dialog, Notice, Show, Table } from "../parts/controls.tsx";
import { reasonOf, useLoad, useRepeated } from "../parts/use-load.ts";
import type { NamespaceProps } from "./namespace.tsx";
import { NewImport } from "./new-import.tsx";

const everyMs = 1_000;
const rejectedShown = 100;

interface ImportsProps extends NamespaceProps {
  /** An import has ended: the namespace is another one. */
  readonly onEnd: () => void;
}

export function Imports({ api, name, onEnd }: ImportsProps) {
  const path = namespacePath(name, 1, "/imports");
  const [listed, reload] = useLoad((signal) => readAll(api, path, signal), [api, path]);
  const [newer, setNewer] = useState<ReadonlyMap<string, ImportState>>(new Map());
  const [shown, setShown] = useState<ImportState>();
  const [reason, setReason] = useState<string>();
  const imports = listed.value?.map((each) => newer.get(each.id) ?? each) ?? [];
  const open = imports.filter(isOpen);
  const note = (states: readonly ImportState[]): void => {
    setNewer((before) => new Map([...before, ...states.map((each) => [each.id, each] as const)]));
    if (states.some((each) => !isOpen(each))) onEnd();
  };
  const follow = async (): Promise<void> => {
    note(await Promise.all(open.map(({ id }) => api.get<ImportState>(`${path}/${id}`))));
  };
  useRepeated(follow, everyMs, open.length > 0);
  const cancel = async ({ id }: ImportState): Promise<void> => {
    try {
      note([await api.delete<ImportState>(`${path}/${id}`)]);
      setReason(undefined);
    } catch (error) {
      setReason(reasonOf(error));
    }
  };
  return (
    <>
      <NewImport api={api} path={path} onBegun={reload} />
      {reason === undefined ? null : <Notice kind="error">{reason}</Notice>}
      {shown === undefined ? null : (
        <Rejected api={api} path={path} of={shown} onClose={() => setShown(undefined)} />
      )}
      <Show of={listed}>
        {() => (
          <ImportTable
            imports={imports}
            onCancel={(each) => void cancel(each)}
            onRejected={setShown}
          />
        )}
      </Show>
    </>
  );
}

interface Page {
  readonly imports: readonly ImportState[];
  readonly next_cursor: string | null;
}

/** The newest first; they are kept for a week. */
async function readAll(
  api: Api,
  path: string,
  signal: AbortSignal,
): Promise<readonly ImportState[]> {
  const found: ImportState[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const query: string = cursor === "" ? "" : `?cursor=${cursor}`;
    const page: Page = await api.get<Page>(path + query, signal);
    found.push(...page.imports);
    cursor = page.next_cursor;
  }
  return found.toReversed();
}

function isOpen({ status }: ImportState): boolean {
  return status === "pending" || status === "running" || status === "cancelling";
}

interface ImportTableProps {
  readonly imports: readonly ImportState[];
  readonly onCancel: (of: ImportState) => void;
  readonly onRejected: (of: ImportState) => void;
}

function ImportTable({ imports, onCancel, onRejected }: ImportTableProps) {
  if (imports.length === 0) return <p class="quiet">No imports in the last week.</p>;
  const head = ["Source", "Begun", "Status", "Read", "#Rows written", "#Rejected", "Cancel"];
  return (
    <Table caption="Imports" head={head}>
      {imports.map((each) => (
        <tr key={each.id}>
          <th scope="row">
            <code>{each.source}</code>
          </th>
          <td>{formatTime(each.created_at)}</td>
          <td>
            <span class={`badge ${badges[each.status] ?? "busy"}`}>{each.status}</span>
            {each.error === undefined ? null : <small>{each.error}</small>}
          </td>
          <td>
            <Progress of={each} />
          </td>
          <td class="number">{formatCount(each.rows_written)}</td>
          <td class="number">
            {each.rows_rejected === 0 ? (
              "0"
            ) : (
              <button
                type="button"
                class="small"
                aria-label={`${formatCount(each.rows_rejected)} … rejected of ${each.source}`}
                onClick={() => onRejected(each)}
              >
                {formatCount(each.rows_rejected)} …
              </button>
            )}
          </td>
          <td>
            {isOpen(each) ? (
              <button
                type="button"
                class="small"
                aria-label={`Cancel the import of ${each.source}`}
                disabled={each.status === "cancelling"}
                onClick={() => onCancel(each)}
              >
                Cancel
              </button>
            ) : null}
          </td>
        </tr>
      ))}
    </Table>
  );
}

const badges: Readonly<Record<string, string>> = {
  finished: "good",
  failed: "bad",
  cancelled: "bad",
};

function Progress({ of: { source, bytes_read: read, bytes_total: total } }: { of: ImportState }) {
  return (
    <>
      <progress aria-label={`Read of ${source}`} value={read} max={Math.max(1, total)} />{" "}
      <small>
        {formatBytes(read)} of {formatBytes(total)}
      </small>
    </>
  );
}

interface RejectedProps {
  readonly api: Api;
  readonly path: string;
  readonly of: ImportState;
  readonly onClose: () => void;
}

function Rejected({ api, path, of, onClose }: RejectedProps) {
  const [rows] = useLoad(
    async (signal) => {
      const text = await api.text(`${path}/${of.id}/rejected`, signal);
      const lines = text.split("\n", rejectedShown).filter((line) => line !== "");
      return lines.map(parseJson) as readonly RejectedRow[];
    },
    [api, path, of.id],
  );
  return (
    <Dialog title="Rows that were rejected" onClose={onClose}>
      <Show of={rows}>
        {(found) => (
          <>
            {of.rows_rejected > found.length ? (
              <p>
                The first {formatCount(found.length)} of {formatCount(of.rows_rejected)}.
              </p>
            ) : null}
            <Table caption="Rejected rows" head={["#Row", "Reason", "What was there"]}>
              {found.map(({ row, reason, document }) => (
                <tr key={row}>
                  <th scope="row" class="number">
                    {formatCount(row)}
                  </th>
                  <td>{reason}</td>
                  <td>
                    <code>{formatValue(document)}</code>
                  </td>
                </tr>
              ))}
            </Table>
          </>
        )}
      </Show>
    </Dialog>
  );
}
