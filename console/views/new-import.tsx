/** The form for an import by the server: what to read, and what becomes of its columns. */
import { useState } from "preact/hooks";
import type { Api } from "../model/api.ts";
import { type ImportWish, importBody, noWish } from "../model/import-wish.ts";
import { Field, Notice, SelectField, TextField } from "../parts/controls.tsx";
import { reasonOf } from "../parts/use-load.ts";

const formats = [["", "as its name says"], "jsonl", "csv", "parquet"] as const;
const modes = [
  ["abort", "ends the import"],
  ["continue", "is set aside"],
] as const;

interface NewImportProps {
  readonly api: Api;
  readonly path: string;
  readonly onBegun: () => void;
}

export function NewImport({ api, path, onBegun }: NewImportProps) {
  const [wish, setWish] = useState(noWish);
  const [reason, setReason] = useState<string>();
  const set = (field: keyof ImportWish) => (value: string) => setWish({ ...wish, [field]: value });
  const begin = async (event: Event): Promise<void> => {
    event.preventDefault();
    setReason(undefined);
    try {
      await api.post(path, importBody(wish));
      setWish({ ...wish, source: "" });
      onBegun();
    } catch (error) {
      setReason(reasonOf(error));
    }
  };
  return (
    <form class="panel" onSubmit={(event) => void begin(event)}>
      <h2>Import from the bucket</h2>
      <p class="hint">
        The server reads the object <code>imports/default/films.csv</code> (<code>default</code>, or
        the tenant of the key) for the source <code>films.csv</code>, and all below a name that ends
        with a slash: JSON lines, CSV (both also .gz and .zst), Parquet. It goes on without this
        page.
      </p>
      <div class="row">
        <TextField
          label="Source"
          placeholder="films.csv"
          value={wish.source}
          onChange={set("source")}
        />
        <SelectField
          label="Format"
          value={wish.format}
          options={formats}
          onChange={set("format")}
        />
        <SelectField
          label="A row that is refused"
          value={wish.mode}
          options={modes}
          onChange={set("mode")}
        />
        <button type="submit" class="main" disabled={wish.source === ""}>
          Import
        </button>
      </div>
      <Mapping wish={wish} set={set} />
      {reason === undefined ? null : <Notice kind="error">{reason}</Notice>}
    </form>
  );
}

interface MappingProps {
  readonly wish: ImportWish;
  readonly set: (field: keyof ImportWish) => (value: string) => void;
}

/** What is left empty, the server decides. */
function Mapping({ wish, set }: MappingProps) {
  return (
    <>
      <div class="row">
        <TextField label="Column of ids" placeholder="id" value={wish.id} onChange={set("id")} />
        <TextField
          label="Column of vectors"
          placeholder="vector"
          value={wish.vector}
          onChange={set("vector")}
        />
        <TextField
          label="Columns to take"
          placeholder="all; or title, year"
          value={wish.columns}
          onChange={set("columns")}
        />
        <TextField
          label="Rename"
          placeholder="column=attribute, …"
          value={wish.rename}
          onChange={set("rename")}
        />
      </div>
      <Field
        label="Schema as JSON"
        hint="As in a write, by name of attribute. Other types are decided by the first rows."
      >
        {(id) => (
          <textarea
            id={id}
            rows={2}
            spellcheck={false}
            placeholder='{"price": "float", "title": {"type": "string", "full_text_search": true}}'
            value={wish.schema}
            onInput={(event) => set("schema")(event.currentTarget.value)}
          />
        )}
      </Field>
    </>
  );
}
