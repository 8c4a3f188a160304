/** What to search for, how, among what. */
import type { Column } from "../model/columns.ts";
import { embeddingDimensions } from "../model/encoder.ts";
import {
  needsVector,
  type QueryForm,
  type QueryMode,
  type VectorSource,
} from "../model/query-form.ts";
import { Choice, Choices, Field, SelectField, TextField } from "../parts/controls.tsx";
import { FilterEditor } from "../parts/filter-editor.tsx";

interface PlaygroundFormProps {
  readonly form: QueryForm;
  readonly columns: readonly Column[];
  readonly isBusy: boolean;
  readonly onChange: (part: Partial<QueryForm>) => void;
}

const modes: readonly (readonly [QueryMode, string])[] = [
  ["hybrid", "Both"],
  ["vector", "Vector"],
  ["text", "Full text"],
  ["order", "In order"],
];

export function PlaygroundForm({ form, columns, isBusy, onChange }: PlaygroundFormProps) {
  const vectors = columns.filter(({ dims }) => dims !== undefined);
  const texts = columns.filter(({ text }) => text);
  const isPossible = (mode: QueryMode): boolean =>
    (mode === "order" || mode === "text" || vectors.length > 0) &&
    (mode === "order" || mode === "vector" || texts.length > 0);
  const usesWords =
    form.mode === "text" ||
    form.mode === "hybrid" ||
    (form.mode === "vector" && form.source === "meaning");
  return (
    <div class="panel">
      <Choice
        legend="Search by"
        name="mode"
        value={form.mode}
        options={modes}
        isPossible={isPossible}
        onChange={(mode) => onChange({ mode })}
      />
      {usesWords ? (
        <TextField
          label="Search for"
          type="search"
          value={form.words}
          onChange={(words) => onChange({ words })}
        />
      ) : null}
      {needsVector(form) ? (
        <VectorFields form={form} vectors={vectors} onChange={onChange} />
      ) : null}
      {form.mode === "text" || form.mode === "hybrid" ? (
        <TextFields form={form} texts={texts} onChange={onChange} />
      ) : null}
      {form.mode === "order" ? (
        <OrderFields form={form} columns={columns} onChange={onChange} />
      ) : null}
      <FilterEditor
        columns={columns}
        rows={form.filters}
        onChange={(filters) => onChange({ filters })}
      />
      <div class="row">
        <TextField
          label="Documents"
          type="number"
          min={1}
          max={1_000}
          value={String(form.limit)}
          onChange={(limit) => onChange({ limit: Number(limit) || 1 })}
        />
        <button type="submit" class="main" disabled={isBusy} title="Ctrl+Enter">
          {isBusy ? "Running …" : "Run"}
        </button>
      </div>
    </div>
  );
}

interface PartProps {
  readonly form: QueryForm;
  readonly onChange: (part: Partial<QueryForm>) => void;
}

function VectorFields({ form, vectors, onChange }: PartProps & { vectors: readonly Column[] }) {
  const { dims } = vectors.find(({ name }) => name === form.column) ?? {};
  const sources: readonly (readonly [VectorSource, string])[] = [
    ...(dims === embeddingDimensions ? ([["meaning", "the meaning of these words"]] as const) : []),
    ["document", "a document that is there"],
    ["numbers", "numbers"],
  ];
  return (
    <>
      <div class="row">
        <SelectField
          label="Vector"
          value={form.column}
          options={vectors.map(({ name }) => name)}
          onChange={(column) => onChange({ column })}
        />
        <SelectField
          label="From"
          value={form.source}
          options={sources}
          onChange={(source) => onChange({ source: source as VectorSource })}
        />
      </div>
      {form.source === "document" ? (
        <TextField
          label="Its id"
          value={form.document}
          onChange={(document) => onChange({ document })}
        />
      ) : null}
      {form.source === "numbers" ? (
        <Field label={`${dims ?? ""} numbers, or base64`}>
          {(id) => (
            <textarea
              id={id}
              rows={3}
              value={form.numbers}
              onInput={(event) => onChange({ numbers: event.currentTarget.value })}
            />
          )}
        </Field>
      ) : null}
      {form.source === "meaning" ? (
        <p class="hint">
          By a small demo encoder that runs in this page: good for showing what vectors do, no
          measure of quality.
        </p>
      ) : null}
    </>
  );
}

function TextFields({ form, texts, onChange }: PartProps & { texts: readonly Column[] }) {
  return (
    <Choices
      legend="In the words of"
      value={form.texts}
      options={texts.map(({ name }) => name)}
      onChange={(chosen) => onChange({ texts: chosen })}
    />
  );
}

function OrderFields({ form, columns, onChange }: PartProps & { columns: readonly Column[] }) {
  const sortable = columns.filter(({ filterable, type }) => filterable && !type.startsWith("[]"));
  return (
    <div class="row">
      <SelectField
        label="By"
        value={form.order}
        options={sortable.map(({ name }) => name)}
        onChange={(order) => onChange({ order })}
      />
      <label class="check">
        <input
          type="checkbox"
          checked={form.descending}
          onChange={(event) => onChange({ descending: event.currentTarget.checked })}
        />
        largest first
      </label>
    </div>
  );
}
