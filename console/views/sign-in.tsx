/** The first page: a key, and what to do without one. */
import { useState } from "preact/hooks";
import { openApi } from "../model/api.ts";
import { Field, Notice } from "../parts/controls.tsx";
import { reasonOf } from "../parts/use-load.ts";

interface SignInProps {
  /** The key that was in use is refused by now. */
  readonly isLost: boolean;
  readonly onEnter: (key: string, forLong: boolean) => void;
}

export function SignIn({ isLost, onEnter }: SignInProps) {
  const [key, setKey] = useState("");
  const [forLong, setForLong] = useState(false);
  const [reason, setReason] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const enter = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setReason(undefined);
    try {
      await openApi(key.trim(), () => undefined).get("/v1/namespaces?page_size=1");
      onEnter(key.trim(), forLong);
    } catch (error) {
      setReason(reasonOf(error));
      setBusy(false);
    }
  };
  return (
    <main class="sign-in">
      <h1>
        <img src="icon.svg" alt="" width={44} height={44} /> Shoal
      </h1>
      <p class="lead">A search database whose only durable state is object storage.</p>
      <form class="panel" onSubmit={(event) => void enter(event)}>
        <input type="text" autocomplete="username" value="shoal" readOnly hidden />
        <Field label="API key">
          {(id) => (
            <input
              id={id}
              type="password"
              autocomplete="current-password"
              spellcheck={false}
              required
              value={key}
              onInput={(event) => setKey(event.currentTarget.value)}
            />
          )}
        </Field>
        <label class="check">
          <input
            type="checkbox"
            checked={forLong}
            onChange={(event) => setForLong(event.currentTarget.checked)}
          />
          Remember it in this browser
        </label>
        {reason === undefined ? null : <Notice kind="error">{reason}</Notice>}
        {isLost && reason === undefined ? (
          <Notice kind="error">The key is not valid any more.</Notice>
        ) : null}
        <button type="submit" class="main" disabled={isBusy}>
          Sign in
        </button>
      </form>
      <p class="quiet">
        <code>npm start</code> prints a key, and a link that signs in. The API and all that it can
        do: <a href="/docs">reference</a>, <a href="/openapi.json">OpenAPI</a>.
      </p>
    </main>
  );
}
