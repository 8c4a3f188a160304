/** One namespace: its figures, and a tab for each thing that can be done with it. */
import type { Metadata } from "../model/answers.ts";
import { type Api, namespacePath } from "../model/api.ts";
import { type Column, columnsOf } from "../model/columns.ts";
import { formatAge, formatBytes, formatCount } from "../model/format.ts";
import { linkTo, type Tab, tabs } from "../model/route.ts";
import { Show, Stats } from "../parts/controls.tsx";
import { useLoad } from "../parts/use-load.ts";
import { Changes } from "./changes.tsx";
import { Documents } from "./documents.tsx";
import { Imports } from "./imports.tsx";
import { IndexState } from "./index-state.tsx";
import { Playground } from "./playground.tsx";
import { Quality } from "./quality.tsx";
import { SchemaEditor } from "./schema-editor.tsx";

export interface NamespaceProps {
  readonly api: Api;
  readonly name: string;
}

/** Of a tab. */
export interface TabProps extends NamespaceProps {
  readonly metadata: Metadata;
  readonly columns: readonly Column[];
  /** Reads the metadata again: something was changed. */
  readonly reload: () => void;
}

const titles: Readonly<Record<Tab, string>> = {
  query: "Query",
  documents: "Documents",
  schema: "Schema",
  index: "Index",
  changes: "Changes",
  imports: "Imports",
  quality: "Recall and cost",
};

export function Namespace({ api, name, tab }: NamespaceProps & { tab: Tab }) {
  const [metadata, reload] = useLoad(
    (signal) => api.get<Metadata>(namespacePath(name, 2, "/metadata"), signal),
    [api, name],
  );
  return (
    <>
      <h1>{name}</h1>
      <Show of={metadata}>{(known) => <Summary metadata={known} />}</Show>
      <nav class="tabs" aria-label="Of this namespace">
        {tabs.map((each) => (
          <a
            key={each}
            href={linkTo({ page: "namespace", name, tab: each })}
            {...(each === tab ? { "aria-current": "page" as const } : {})}
          >
            {titles[each]}
          </a>
        ))}
      </nav>
      {tab === "imports" ? <Imports api={api} name={name} onEnd={reload} /> : null}
      {metadata.value === undefined ? null : (
        <Content {...{ api, name, tab, reload }} metadata={metadata.value} />
      )}
    </>
  );
}

type ContentProps = Omit<TabProps, "columns"> & { readonly tab: Tab };

/** What needs a namespace that is there. */
function Content({ tab, ...known }: ContentProps) {
  const props = { ...known, columns: columnsOf(known.metadata.schema) };
  return (
    <>
      {tab === "query" ? <Playground {...props} /> : null}
      {tab === "documents" ? <Documents {...props} /> : null}
      {tab === "schema" ? <SchemaEditor {...props} /> : null}
      {tab === "index" ? <IndexState {...props} /> : null}
      {tab === "changes" ? <Changes {...props} /> : null}
      {tab === "quality" ? <Quality {...props} /> : null}
    </>
  );
}

function Summary({ metadata }: { metadata: Metadata }) {
  const { index, recall } = metadata;
  const waiting = index.unindexed_bytes ?? 0;
  return (
    <Stats
      stats={[
        { label: "Indexed documents", value: formatCount(metadata.approx_row_count) },
        { label: "Size", value: formatBytes(metadata.approx_logical_bytes) },
        {
          label: "Index",
          value: index.status === "up-to-date" ? "up to date" : "updating",
          ...(waiting > 0 ? { note: `${formatBytes(waiting)} waiting` } : {}),
        },
        { label: "Recall", value: recall?.recent?.toFixed(3) ?? "–" },
        { label: "Written", value: formatAge(metadata.updated_at, Date.now()) },
      ]}
    />
  );
}
