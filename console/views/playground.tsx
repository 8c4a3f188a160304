/**
 * Queries by form, with the JSON that they are beside it. The JSON can be changed by hand, too: then
 * it is what is sent, until the form is used again.
 */
import { useState } from "preact/hooks";
import type { QueryAnswer } from "../model/answers.ts";
import { namespacePath } from "../model/api.ts";
import { embeddingDimensions } from "../model/encoder.ts";
import { formatJson, parseJson } from "../model/json.ts";
import { makeVector } from "../model/make-vector.ts";
import { buildBody, firstForm, type QueryForm } from "../model/query-form.ts";
import { Notice } from "../parts/controls.tsx";
import { reasonOf } from "../parts/use-load.ts";
import { CostPanel, type Run } from "./cost-panel.tsx";
import type { TabProps } from "./namespace.tsx";
import { PlaygroundForm } from "./playground-form.tsx";
import { Results } from "./results.tsx";

export interface Outcome {
  readonly answer: QueryAnswer;
  readonly body: object;
}

const runsKept = 60;

export function Playground({ api, name, columns }: TabProps) {
  const [form, setForm] = useState(() => firstForm(columns, embeddingDimensions));
  /** As it was changed by hand. */
  const [text, setText] = useState<string>();
  const [built, setBuilt] = useState<string>();
  const [outcome, setOutcome] = useState<Outcome>();
  const [runs, setRuns] = useState<readonly Run[]>([]);
  const [reason, setReason] = useState<string>();
  const [isBusy, setBusy] = useState(false);

  const change = (part: Partial<QueryForm>): void => {
    setForm({ ...form, ...part });
    setText(undefined);
  };
  const bodyOf = async (): Promise<object> => {
    if (text !== undefined) return parseJson(text) as object;
    const body = buildBody(form, columns, await makeVector(api, name, form));
    setBuilt(formatJson(body));
    return body;
  };
  const run = async (): Promise<void> => {
    setBusy(true);
    setReason(undefined);
    try {
      const body = await bodyOf();
      const startedMs = performance.now();
      const answer = await api.post<QueryAnswer>(namespacePath(name, 2, "/query"), body);
      const browserMs = performance.now() - startedMs;
      setOutcome({ answer, body });
      setRuns((before) => [...before, { browserMs, answer }].slice(-runsKept));
    } catch (error) {
      setReason(reasonOf(error));
    }
    setBusy(false);
  };
  return (
    <>
      <form
        class="playground"
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || isBusy) return;
          event.preventDefault();
          event.currentTarget.requestSubmit();
        }}
      >
        <PlaygroundForm form={form} columns={columns} isBusy={isBusy} onChange={change} />
        <JsonPanel
          path={namespacePath(name, 2, "/query")}
          built={built}
          text={text}
          onChange={setText}
        />
      </form>
      {reason === undefined ? null : <Notice kind="error">{reason}</Notice>}
      {outcome === undefined ? null : (
        <div class="outcome">
          <Results api={api} name={name} columns={columns} outcome={outcome} />
          <CostPanel api={api} name={name} runs={runs} body={outcome.body} />
        </div>
      )}
    </>
  );
}

interface JsonPanelProps {
  readonly path: string;
  readonly built: string | undefined;
  /** As it was changed by hand. */
  readonly text: string | undefined;
  readonly onChange: (text: string) => void;
}

function JsonPanel({ path, built, text, onChange }: JsonPanelProps) {
  return (
    <div class="panel">
      <label for="body">
        The query as JSON {text === undefined ? "" : <em>changed by hand</em>}
      </label>
      <textarea
        id="body"
        class="json"
        spellcheck={false}
        value={text ?? built ?? ""}
        placeholder="What the form says appears here when it runs. It can be changed by hand, too."
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      <p class="hint">
        <code>POST {path}</code>
      </p>
    </div>
  );
}
