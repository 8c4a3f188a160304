/**
 * The console: a page that the Worker serves at `/` and that speaks with the same Worker, and with
 * nobody else. The key stays in this tab unless its owner wants it remembered; a link with
 * `#key=…`, as `npm start` prints it, signs in at once and leaves no trace in the address.
 */
import { render } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { openApi } from "./model/api.ts";
import { linkTo, parseRoute, type Route } from "./model/route.ts";
import { forgetKey, recallKey, rememberKey, takeKeyOfLink } from "./model/session.ts";
import { Keys } from "./views/keys.tsx";
import { Namespace } from "./views/namespace.tsx";
import { Namespaces } from "./views/namespaces.tsx";
import { Server } from "./views/server.tsx";
import { SignIn } from "./views/sign-in.tsx";

function App() {
  const [key, setKey] = useState(() => takeKeyOfLink() ?? recallKey());
  const [isLost, setLost] = useState(false);
  const route = useRoute();
  const leave = (): void => {
    forgetKey();
    setKey(undefined);
  };
  const api = useMemo(
    () =>
      openApi(key ?? "", () => {
        setLost(true);
        leave();
      }),
    [key],
  );
  if (key === undefined) {
    const enter = (given: string, forLong: boolean): void => {
      rememberKey(given, forLong);
      setLost(false);
      setKey(given);
    };
    return <SignIn isLost={isLost} onEnter={enter} />;
  }
  return (
    <>
      <a class="skip" href="#content" onClick={skip}>
        Skip to the content
      </a>
      <header class="bar">
        <a class="brand" href={linkTo({ page: "namespaces" })}>
          <img src="icon.svg" alt="" width={28} height={28} /> Shoal
        </a>
        <nav aria-label="Console">
          <NavLink to={{ page: "namespaces" }} route={route} text="Namespaces" />
          <NavLink to={{ page: "keys" }} route={route} text="Keys" />
          <NavLink to={{ page: "server" }} route={route} text="Server" />
          <a href="/docs">API</a>
        </nav>
        <button type="button" class="plain" onClick={leave}>
          Sign out
        </button>
      </header>
      <main id="content" tabIndex={-1}>
        {route.page === "namespaces" ? <Namespaces api={api} /> : null}
        {route.page === "namespace" ? (
          <Namespace key={route.name} api={api} name={route.name} tab={route.tab} />
        ) : null}
        {route.page === "keys" ? <Keys api={api} /> : null}
        {route.page === "server" ? <Server api={api} /> : null}
      </main>
    </>
  );
}

function NavLink({ to, route, text }: { to: Route; route: Route; text: string }) {
  const isHere = to.page === route.page || (to.page === "namespaces" && route.page === "namespace");
  return (
    <a href={linkTo(to)} {...(isHere ? { "aria-current": "page" as const } : {})}>
      {text}
    </a>
  );
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const follow = (): void => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  useEffect(() => {
    document.title = route.page === "namespace" ? `${route.name} · Shoal` : "Shoal";
  }, [route]);
  return route;
}

/** The fragment says where one is, so the link must not change it. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

const root = document.getElementById("root");
if (root !== null) render(<App />, root);
