/** What is written to the namespace, as it is written. */
import { useRef, useState } from "preact/hooks";
import type { Change, IndexAnswer } from "../model/answers.ts";
import { ApiError, namespacePath } from "../model/api.ts";
import { formatTime, formatValue } from "../model/format.ts";
import { parseJson } from "../model/json.ts";
import { Notice, Table } from "../parts/controls.tsx";
import { reasonOf, useRepeated } from "../parts/use-load.ts";
import type { TabProps } from "./namespace.tsx";

const everyMs = 1_000;
const kept = 50;
/** Of the log, shown at first. */
const entriesBefore = 20;

export function Changes({ api, name }: TabProps) {
  const [changes, setChanges] = useState<readonly Change[]>([]);
  const [isOn, setOn] = useState(true);
  const [reason, setReason] = useState<string>();
  const cursor = useRef<string | undefined>(undefined);
  const begin = async (back: number): Promise<string> => {
    const { generation, head } = await api.get<IndexAnswer>(namespacePath(name, 1, "/index"));
    return `${generation}-${Math.max(0, head - back).toString(16)}`;
  };
  const follow = async (): Promise<void> => {
    try {
      cursor.current ??= await begin(entriesBefore);
      const params = new URLSearchParams({ limit: "100", after: cursor.current });
      const text = await api.text(namespacePath(name, 2, `/changes?${params.toString()}`));
      const lines = text.trimEnd().split("\n").map(parseJson) as readonly (Change & End)[];
      cursor.current = lines.at(-1)?.next_cursor ?? cursor.current;
      const fresh = lines.filter(({ next_cursor: next }) => next === undefined);
      if (fresh.length > 0)
        setChanges((before) => [...fresh.toReversed(), ...before].slice(0, kept));
      setReason(undefined);
    } catch (error) {
      // What lies before the log's kept part is gone: from now on, then.
      if (error instanceof ApiError && error.status === 410) cursor.current = await begin(0);
      else setReason(reasonOf(error));
    }
  };
  useRepeated(follow, everyMs, isOn);
  return (
    <>
      <div class="row spread">
        <p class="quiet" role="status">
          {isOn ? "Follows the log: new writes appear on top." : "Stopped."}
        </p>
        <button type="button" aria-pressed={!isOn} onClick={() => setOn(!isOn)}>
          {isOn ? "Stop" : "Go on"}
        </button>
      </div>
      {reason === undefined ? null : <Notice kind="error">{reason}</Notice>}
      {changes.length === 0 ? (
        <p class="quiet">Nothing yet.</p>
      ) : (
        <Table caption="Changes" head={["#Entry", "At", "What", "Id", "Document"]}>
          {changes.map((change) => (
            <ChangeRow
              key={`${change.sequence} ${String(change.upsert?.id ?? change.delete)}`}
              change={change}
            />
          ))}
        </Table>
      )}
    </>
  );
}

interface End {
  readonly next_cursor?: string;
}

function ChangeRow({ change: { sequence, at, upsert, delete: deleted } }: { change: Change }) {
  const { id = deleted, ...attributes } = upsert ?? {};
  const shown = Object.entries(attributes)
    .filter(([, value]) => !(Array.isArray(value) && value.length > 8))
    .map(([attribute, value]) => `${attribute}: ${formatValue(value, 60)}`);
  return (
    <tr>
      <td class="number">{sequence}</td>
      <td>{formatTime(at)}</td>
      <td>
        <span class={upsert === undefined ? "badge bad" : "badge good"}>
          {upsert === undefined ? "delete" : "upsert"}
        </span>
      </td>
      <th scope="row">{formatValue(id, 40)}</th>
      <td>{shown.join(", ").slice(0, 300)}</td>
    </tr>
  );
}
