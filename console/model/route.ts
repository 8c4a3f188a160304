/** Where in the console somebody is: the fragment of the URL, which no server sees. */

export const tabs = [
  "query",
  "documents",
  "schema",
  "index",
  "changes",
  "imports",
  "quality",
] as const;
export type Tab = (typeof tabs)[number];

export type Route =
  | { readonly page: "namespaces" }
  | { readonly page: "namespace"; readonly name: string; readonly tab: Tab }
  | { readonly page: "keys" }
  | { readonly page: "server" };

export function parseRoute(hash: string): Route {
  const [page, name = "", tab] = hash.replace(/^#\/?/, "").split("/");
  if (page === "keys" || page === "server") return { page };
  if (page === "ns" && name !== "") {
    const known = tabs.find((each) => each === tab) ?? "query";
    return { page: "namespace", name: decode(name), tab: known };
  }
  return { page: "namespaces" };
}

export function linkTo(route: Route): string {
  if (route.page !== "namespace") return `#/${route.page === "namespaces" ? "" : route.page}`;
  return `#/ns/${encodeURIComponent(route.name)}/${route.tab}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
