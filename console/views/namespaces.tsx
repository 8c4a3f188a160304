/** All namespaces that the key may see, with what is in them. */
import { useEffect, useState } from "preact/hooks";
import type { Metadata } from "../model/answers.ts";
import { type Api, namespacePath } from "../model/api.ts";
import { formatAge, formatBytes, formatCount } from "../model/format.ts";
import { linkTo } from "../model/route.ts";
import { Notice, Pager, Show, Table } from "../parts/controls.tsx";
import { reasonOf, useLoad } from "../parts/use-load.ts";

const pageSize = 50;
/** Namespaces that are asked for at once: each asks an object. */
const together = 6;

interface Page {
  readonly namespaces: readonly { readonly id: string }[];
  readonly next_cursor: string | null;
}

export function Namespaces({ api }: { api: Api }) {
  const [prefix, setPrefix] = useState("");
  const [cursors, setCursors] = useState<readonly string[]>([]);
  const cursor = cursors.at(-1);
  const [page] = useLoad(
    (signal) => {
      const params = new URLSearchParams({ page_size: String(pageSize), prefix });
      if (cursor !== undefined) params.set("cursor", cursor);
      return api.get<Page>(`/v1/namespaces?${params.toString()}`, signal);
    },
    [api, prefix, cursor],
  );
  return (
    <>
      <div class="row spread">
        <h1>Namespaces</h1>
        <input
          type="search"
          aria-label="Names that begin with"
          placeholder="begins with …"
          value={prefix}
          onInput={(event) => {
            setCursors([]);
            setPrefix(event.currentTarget.value.replaceAll(/[^A-Za-z0-9\-_.]/g, ""));
          }}
        />
      </div>
      <Show of={page}>
        {({ namespaces, next_cursor: next }) => (
          <>
            {namespaces.length === 0 ? (
              <Nothing prefix={prefix} />
            ) : (
              <List api={api} names={namespaces.map(({ id }) => id)} />
            )}
            <Pager cursors={cursors} next={next} onTurn={setCursors} />
          </>
        )}
      </Show>
    </>
  );
}

function Nothing({ prefix }: { prefix: string }) {
  return (
    <Notice kind="note">
      {prefix === ""
        ? "There are no namespaces yet: the first write makes one. "
        : "No name begins like this. "}
      <a href="/docs#post-v2-namespaces-ns">How to write</a>
    </Notice>
  );
}

type Known = Metadata | { readonly reason: string };

function List({ api, names }: { api: Api; names: readonly string[] }) {
  const [known, setKnown] = useState<ReadonlyMap<string, Known>>(new Map());
  const all = names.join();
  useEffect(() => {
    const ended = new AbortController();
    const waiting = [...names];
    const work = async (): Promise<void> => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        const of = name;
        const found: Known = await api
          .get<Metadata>(namespacePath(of, 2, "/metadata"), ended.signal)
          .catch((error: unknown) => ({ reason: reasonOf(error) }));
        if (ended.signal.aborted) return;
        setKnown((before) => new Map(before).set(of, found));
      }
    };
    void Promise.all(Array.from({ length: together }, work));
    return () => ended.abort();
  }, [api, all]);
  return (
    <Table
      caption="Namespaces"
      head={["Name", "#Documents", "#Size", "Index", "#Recall", "Written"]}
    >
      {names.map((name) => (
        <tr key={name}>
          <th scope="row">
            <a href={linkTo({ page: "namespace", name, tab: "query" })}>{name}</a>
          </th>
          <Cells of={known.get(name)} />
        </tr>
      ))}
    </Table>
  );
}

function Cells({ of }: { of: Known | undefined }) {
  if (of === undefined) return <td colSpan={5}>…</td>;
  if ("reason" in of) return <td colSpan={5}>{of.reason}</td>;
  const { index, recall } = of;
  const waiting = index.unindexed_bytes ?? 0;
  return (
    <>
      <td class="number">{formatCount(of.approx_row_count)}</td>
      <td class="number">{formatBytes(of.approx_logical_bytes)}</td>
      <td>
        {of.quarantine === undefined ? (
          <span class={index.status === "up-to-date" ? "badge good" : "badge busy"}>
            {index.status === "up-to-date" ? "up to date" : `${formatBytes(waiting)} waiting`}
          </span>
        ) : (
          <span class="badge bad">cannot be read</span>
        )}
        {of.read_only === true ? <span class="badge">read-only</span> : null}
        {of.branching === undefined ? null : <span class="badge">of {of.branching.parent}</span>}
      </td>
      <td class="number">{recall?.recent?.toFixed(3) ?? "–"}</td>
      <td>{formatAge(of.updated_at, Date.now())}</td>
    </>
  );
}
