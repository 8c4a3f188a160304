/** Small pieces that every view is made of. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import type { Loaded } from "./use-load.ts";

interface FieldProps {
  readonly label: string;
  readonly hint?: string;
  readonly children: (id: string) => JSX.Element;
}

/** A label and what it belongs to. */
export function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id)}
      {hint === undefined ? null : <p class="hint">{hint}</p>}
    </div>
  );
}

interface TextFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly type?: "text" | "search" | "number" | "password";
  readonly placeholder?: string;
  readonly required?: boolean;
  readonly min?: number;
  readonly max?: number;
}

export function TextField({ label, value, onChange, ...others }: TextFieldProps) {
  // Types of inputs differ by `type`, which is not known here.
  const attributes: object = { type: "text", ...others };
  return (
    <Field label={label}>
      {(id) => (
        <input
          id={id}
          value={value}
          onInput={(event) => onChange(event.currentTarget.value)}
          {...attributes}
        />
      )}
    </Field>
  );
}

interface ChoiceProps<T extends string> {
  readonly legend: string;
  readonly name: string;
  readonly value: T;
  readonly options: readonly (readonly [value: T, text: string])[];
  readonly isPossible?: (value: T) => boolean;
  readonly onChange: (value: T) => void;
}

/** One of a few. */
export function Choice<T extends string>(props: ChoiceProps<T>) {
  const { legend, name, value, options, isPossible, onChange } = props;
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      {options.map(([option, text]) => (
        <label key={option}>
          <input
            type="radio"
            name={name}
            checked={value === option}
            disabled={isPossible?.(option) === false}
            onChange={() => onChange(option)}
          />
          {text}
        </label>
      ))}
    </fieldset>
  );
}

interface ChoicesProps {
  readonly legend: string;
  readonly value: readonly string[];
  readonly options: readonly string[];
  readonly onChange: (value: readonly string[]) => void;
}

/** Any of a few. */
export function Choices({ legend, value, options, onChange }: ChoicesProps) {
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      {options.map((option) => (
        <label key={option}>
          <input
            type="checkbox"
            checked={value.includes(option)}
            onChange={(event) => {
              const others = value.filter((each) => each !== option);
              onChange(event.currentTarget.checked ? [...others, option] : others);
            }}
          />
          {option}
        </label>
      ))}
    </fieldset>
  );
}

interface SelectProps {
  readonly id?: string;
  readonly label?: string;
  readonly value: string;
  /** Values, or values with their texts. */
  readonly options: readonly (string | readonly [value: string, text: string])[];
  readonly onChange: (value: string) => void;
}

export function Select({ id, label, value, options, onChange }: SelectProps) {
  return (
    <select
      {...(id === undefined ? {} : { id })}
      {...(label === undefined ? {} : { "aria-label": label })}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    >
      {options.map((option) => {
        const [key, text] = typeof option === "string" ? [option, option] : option;
        return (
          <option key={key} value={key}>
            {text}
          </option>
        );
      })}
    </select>
  );
}

/** With its label beside it. */
export function SelectField({ label, ...props }: SelectProps & { readonly label: string }) {
  return <Field label={label}>{(id) => <Select id={id} {...props} />}</Field>;
}

export function Notice({
  kind,
  children,
}: {
  kind: "error" | "good" | "note";
  children: ComponentChildren;
}) {
  return (
    <div class={`notice ${kind}`} role={kind === "error" ? "alert" : "status"}>
      {children}
    </div>
  );
}

/** What was read, or why not. Shows what was read before while it is read again. */
export function Show<T>({
  of,
  children,
}: {
  of: Loaded<T>;
  children: (value: T) => ComponentChildren;
}) {
  return (
    <>
      {of.kind === "failed" ? <Notice kind="error">{of.reason}</Notice> : null}
      {of.value === undefined && of.kind === "loading" ? (
        <p class="quiet" role="status">
          Loading …
        </p>
      ) : null}
      {of.value === undefined ? null : children(of.value)}
    </>
  );
}

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** Modal: the browser keeps the focus inside and closes it with Escape. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <header class="row spread">
        <h2 id={id}>{title}</h2>
        <button
          type="button"
          class="plain"
          aria-label="Close"
          onClick={() => dialog.current?.close()}
        >
          ✕
        </button>
      </header>
      {children}
    </dialog>
  );
}

interface Stat {
  readonly label: string;
  readonly value: ComponentChildren;
  readonly note?: string;
}

export function Stats({ stats }: { stats: readonly Stat[] }) {
  return (
    <dl class="stats">
      {stats.map(({ label, value, note }) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>
            {value}
            {note === undefined ? null : <small>{note}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

interface PagerProps {
  /** Of the pages up to this one; the first has none. */
  readonly cursors: readonly string[];
  readonly next: string | null | undefined;
  readonly onTurn: (cursors: readonly string[]) => void;
}

/** Nothing where there is one page only. */
export function Pager({ cursors, next = null, onTurn }: PagerProps) {
  if (cursors.length === 0 && next === null) return null;
  return (
    <div class="row">
      <button
        type="button"
        disabled={cursors.length === 0}
        onClick={() => onTurn(cursors.slice(0, -1))}
      >
        Back
      </button>
      <button
        type="button"
        disabled={next === null}
        onClick={() => {
          if (next !== null) onTurn([...cursors, next]);
        }}
      >
        Next
      </button>
    </div>
  );
}

interface TableProps {
  readonly caption: string;
  /** Those of numbers begin with #. */
  readonly head: readonly string[];
  readonly children: ComponentChildren;
}

/** Wide tables scroll by themselves, by keyboard too. */
export function Table({ caption, head, children }: TableProps) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {head.map((name) => (
              <th key={name} scope="col" class={name.startsWith("#") ? "number" : ""}>
                {name.replace("#", "")}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
