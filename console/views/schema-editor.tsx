/** Attributes with their types and indexes; what can be changed is changed here. */
import { useState } from "preact/hooks";
import { namespacePath } from "../model/api.ts";
import type { Column } from "../model/columns.ts";
import { Notice, SelectField, Table, TextField } from "../parts/controls.tsx";
import { reasonOf } from "../parts/use-load.ts";
import type { TabProps } from "./namespace.tsx";

const types = [
  "string",
  "int",
  "uint",
  "float",
  "bool",
  "uuid",
  "datetime",
  "[]string",
  "[]int",
  "[]uint",
  "[]float",
  "bytes",
] as const;

interface Change {
  readonly type: string;
  readonly filterable: boolean;
  readonly full_text_search?: boolean;
}

export function SchemaEditor({ api, name, columns, reload }: TabProps) {
  const [changes, setChanges] = useState<ReadonlyMap<string, Change>>(new Map());
  const [reason, setReason] = useState<string>();
  const [isSaved, setSaved] = useState(false);
  const known = new Set(columns.map((column) => column.name));
  const put = (attribute: string, change: Change): void => {
    setSaved(false);
    setChanges(new Map(changes).set(attribute, change));
  };
  const save = async (): Promise<void> => {
    try {
      await api.post(namespacePath(name, 1, "/schema"), Object.fromEntries(changes));
      setChanges(new Map());
      setReason(undefined);
      setSaved(true);
      reload();
    } catch (error) {
      setReason(reasonOf(error));
    }
  };
  const added = [...changes].filter(([attribute]) => !known.has(attribute));
  return (
    <>
      <Table caption="Attributes" head={["Attribute", "Type", "Filterable", "Full-text search"]}>
        {columns.map((column) => (
          <AttributeRow
            key={column.name}
            column={column}
            change={changes.get(column.name)}
            onChange={(change) => put(column.name, change)}
          />
        ))}
        {added.map(([attribute, { type, filterable, full_text_search: text }]) => (
          <tr key={attribute} class="new">
            <th scope="row">{attribute}</th>
            <td>{type}</td>
            <td>{filterable ? "yes" : "no"}</td>
            <td>{text === true ? "yes" : "no"}</td>
          </tr>
        ))}
      </Table>
      {reason === undefined ? null : <Notice kind="error">{reason}</Notice>}
      {isSaved ? (
        <Notice kind="good">Saved. Documents that are there are indexed behind it.</Notice>
      ) : null}
      <div class="row">
        <button
          type="button"
          class="main"
          disabled={changes.size === 0}
          onClick={() => void save()}
        >
          Save {changes.size === 0 ? "" : `${changes.size} changes`}
        </button>
        <button type="button" disabled={changes.size === 0} onClick={() => setChanges(new Map())}>
          Take back
        </button>
      </div>
      <NewAttribute known={known} onAdd={put} />
    </>
  );
}

interface AttributeRowProps {
  readonly column: Column;
  readonly change: Change | undefined;
  readonly onChange: (change: Change) => void;
}

function AttributeRow({ column, change, onChange }: AttributeRowProps) {
  const { name, type } = column;
  const isFixed = name === "id" || column.packed;
  const isText = type === "string" || type === "[]string";
  const filterable = change?.filterable ?? column.filterable;
  const text = change?.full_text_search ?? column.text;
  const now = { type, filterable, ...(isText ? { full_text_search: text } : {}) };
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>
        <code>{type}</code>
      </td>
      <td>
        <input
          type="checkbox"
          aria-label={`${name} is filterable`}
          checked={filterable}
          disabled={isFixed}
          onChange={(event) => onChange({ ...now, filterable: event.currentTarget.checked })}
        />
      </td>
      <td>
        {isText && !isFixed ? (
          <input
            type="checkbox"
            aria-label={`words of ${name} are searched`}
            checked={text}
            onChange={(event) =>
              onChange({ ...now, full_text_search: event.currentTarget.checked })
            }
          />
        ) : null}
      </td>
    </tr>
  );
}

interface NewAttributeProps {
  readonly known: ReadonlySet<string>;
  readonly onAdd: (name: string, change: Change) => void;
}

function NewAttribute({ known, onAdd }: NewAttributeProps) {
  const [name, setName] = useState("");
  const [type, setType] = useState<string>("string");
  return (
    <form
      class="panel row"
      onSubmit={(event) => {
        event.preventDefault();
        onAdd(name.trim(), { type, filterable: type !== "bytes" });
        setName("");
      }}
    >
      <TextField label="New attribute" required value={name} onChange={setName} />
      <SelectField label="Type" value={type} options={types} onChange={setType} />
      <button type="submit" disabled={name.trim() === "" || known.has(name.trim())}>
        Add
      </button>
    </form>
  );
}
