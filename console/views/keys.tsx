/** API keys: those there are, a new one, the end of one. */
import { useState } from "preact/hooks";
import type { ApiKey } from "../model/answers.ts";
import type { Api } from "../model/api.ts";
import { formatTime } from "../model/format.ts";
import { Choices, Dialog, Notice, Pager, Show, Table, TextField } from "../parts/controls.tsx";
import { reasonOf, useLoad } from "../parts/use-load.ts";

const scopes = ["read", "write", "admin"] as const;

interface Page {
  readonly keys: readonly ApiKey[];
  readonly next_cursor: string | null;
}

export function Keys({ api }: { api: Api }) {
  const [cursors, setCursors] = useState<readonly string[]>([]);
  const cursor = cursors.at(-1);
  const [page, reload] = useLoad(
    (signal) => {
      const params = new URLSearchParams(cursor === undefined ? {} : { cursor });
      return api.get<Page>(`/v1/keys?${params.toString()}`, signal);
    },
    [api, cursor],
  );
  const [made, setMade] = useState<string>();
  const [ending, setEnding] = useState<ApiKey>();
  return (
    <>
      <h1>API keys</h1>
      <NewKey
        api={api}
        onMade={(key) => {
          setMade(key);
          reload();
        }}
      />
      {made === undefined ? null : <Made secret={made} onClose={() => setMade(undefined)} />}
      {ending === undefined ? null : (
        <Revoke
          api={api}
          of={ending}
          onClose={() => setEnding(undefined)}
          onDone={() => {
            setEnding(undefined);
            reload();
          }}
        />
      )}
      <Show of={page}>
        {({ keys, next_cursor: next }) => (
          <>
            <KeyTable keys={keys} onRevoke={setEnding} />
            <Pager cursors={cursors} next={next} onTurn={setCursors} />
          </>
        )}
      </Show>
    </>
  );
}

function KeyTable({
  keys,
  onRevoke,
}: {
  keys: readonly ApiKey[];
  onRevoke: (key: ApiKey) => void;
}) {
  if (keys.length === 0) return <p class="quiet">No keys but those of the deployment.</p>;
  return (
    <Table caption="API keys" head={["Id", "May", "Namespaces", "For", "Made", "Ends", "Revoke"]}>
      {keys.map((key) => (
        <tr key={key.id}>
          <th scope="row">
            <code>{key.id}</code>
          </th>
          <td>{key.scopes.join(", ")}</td>
          <td>{key.namespace_prefix === "" ? "all" : `${key.namespace_prefix}…`}</td>
          <td>{key.note}</td>
          <td>{formatTime(key.created_at)}</td>
          <td>{key.expires_at === null ? "never" : formatTime(key.expires_at)}</td>
          <td>
            <button
              type="button"
              class="small"
              aria-label={`Revoke ${key.id}`}
              onClick={() => onRevoke(key)}
            >
              Revoke …
            </button>
          </td>
        </tr>
      ))}
    </Table>
  );
}

function NewKey({ api, onMade }: { api: Api; onMade: (key: string) => void }) {
  const [chosen, setChosen] = useState<readonly string[]>(["read"]);
  const [prefix, setPrefix] = useState("");
  const [note, setNote] = useState("");
  const [days, setDays] = useState("");
  const [reason, setReason] = useState<string>();
  const make = async (event: Event): Promise<void> => {
    event.preventDefault();
    setReason(undefined);
    try {
      const ends =
        days === ""
          ? {}
          : { expires_at: new Date(Date.now() + Number(days) * 86_400_000).toISOString() };
      const body = { scopes: chosen, namespace_prefix: prefix, note, ...ends };
      onMade((await api.post<{ readonly key: string }>("/v1/keys", body)).key);
      setNote("");
    } catch (error) {
      setReason(reasonOf(error));
    }
  };
  return (
    <form class="panel" onSubmit={(event) => void make(event)}>
      <h2>A new key</h2>
      <Choices legend="May" value={chosen} options={scopes} onChange={setChosen} />
      <div class="row">
        <TextField
          label="Namespaces that begin with"
          placeholder="all"
          value={prefix}
          onChange={setPrefix}
        />
        <TextField label="For" placeholder="who or what uses it" value={note} onChange={setNote} />
        <TextField
          label="Ends after days"
          type="number"
          min={1}
          placeholder="never"
          value={days}
          onChange={setDays}
        />
        <button type="submit" class="main" disabled={chosen.length === 0}>
          Make it
        </button>
      </div>
      {reason === undefined ? null : <Notice kind="error">{reason}</Notice>}
    </form>
  );
}

function Made({ secret, onClose }: { secret: string; onClose: () => void }) {
  return (
    <Dialog title="The new key" onClose={onClose}>
      <p>It is shown this once: the server keeps a hash of it.</p>
      <pre class="json" tabIndex={0}>
        {secret}
      </pre>
      <footer class="row">
        <button
          type="button"
          class="main"
          onClick={() => void navigator.clipboard.writeText(secret)}
        >
          Copy
        </button>
      </footer>
    </Dialog>
  );
}

interface RevokeProps {
  readonly api: Api;
  readonly of: ApiKey;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

function Revoke({ api, of, onClose, onDone }: RevokeProps) {
  const [reason, setReason] = useState<string>();
  const revoke = async (): Promise<void> => {
    try {
      await api.delete(`/v1/keys/${of.id}`);
      onDone();
    } catch (error) {
      setReason(reasonOf(error));
    }
  };
  return (
    <Dialog title="Revoke the key?" onClose={onClose}>
      <p>
        <code>{of.id}</code> {of.note === "" ? "" : `(${of.note})`} is refused everywhere within a
        minute. It cannot be undone.
      </p>
      {reason === undefined ? null : <Notice kind="error">{reason}</Notice>}
      <footer class="row">
        <button type="button" class="danger" onClick={() => void revoke()}>
          Revoke
        </button>
      </footer>
    </Dialog>
  );
}
