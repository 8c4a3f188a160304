/** Filters as rows of attribute, operator and value. */
import type { Column } from "../model/columns.ts";
import { type FilterRow, operatorLabels, operatorsOf } from "../model/filters.ts";
import { Select } from "./controls.tsx";

interface FilterEditorProps {
  readonly columns: readonly Column[];
  readonly rows: readonly FilterRow[];
  readonly onChange: (rows: readonly FilterRow[]) => void;
}

export function FilterEditor({ columns, rows, onChange }: FilterEditorProps) {
  const usable = columns.filter(({ filterable }) => filterable);
  const [first] = usable.filter(({ name }) => name !== "id").concat(usable);
  const change = (at: number, part: Partial<FilterRow>): void =>
    onChange(rows.map((row, i) => (i === at ? { ...row, ...part } : row)));
  const choose = (at: number, attribute: string): void => {
    const operators = operatorsOf(usable.find(({ name }) => name === attribute));
    const operator = rows[at]?.operator ?? "";
    change(at, {
      attribute,
      operator: operators.includes(operator) ? operator : (operators[0] ?? "Eq"),
    });
  };
  return (
    <fieldset class="filters">
      <legend>Filters</legend>
      {rows.map((row, i) => (
        <div class="row" key={i}>
          <Select
            label={`Attribute of filter ${i + 1}`}
            value={row.attribute}
            options={usable.map(({ name }) => name)}
            onChange={(attribute) => choose(i, attribute)}
          />
          <Select
            label={`Comparison of filter ${i + 1}`}
            value={row.operator}
            options={operatorsOf(usable.find(({ name }) => name === row.attribute)).map(
              (operator) => [operator, operatorLabels[operator] ?? operator] as const,
            )}
            onChange={(operator) => change(i, { operator })}
          />
          <input
            aria-label={`Value of filter ${i + 1}`}
            value={row.value}
            placeholder={/In|Any/.test(row.operator) ? "several, with commas" : "value"}
            onInput={(event) => change(i, { value: event.currentTarget.value })}
          />
          <button
            type="button"
            class="plain"
            aria-label={`Remove filter ${i + 1}`}
            onClick={() => onChange(rows.filter((_, other) => other !== i))}
          >
            ✕
          </button>
        </div>
      ))}
      <button
        type="button"
        class="small"
        disabled={first === undefined}
        onClick={() => {
          if (first === undefined) return;
          const [operator = "Eq"] = operatorsOf(first);
          onChange([...rows, { attribute: first.name, operator, value: "" }]);
        }}
      >
        Add a filter
      </button>
    </fieldset>
  );
}
