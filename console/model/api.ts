/** The server this page came from, asked with the key that was typed in. It asks nobody else. */
import { parseJson, printJson } from "./json.ts";

export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

export interface Api {
  get<T>(path: string, signal?: AbortSignal): Promise<T>;
  post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T>;
  delete<T>(path: string): Promise<T>;
  /** As it came. */
  text(path: string, signal?: AbortSignal): Promise<string>;
}

/** `lost` is called when the key is not (or no longer) one of this server's. */
export function openApi(key: string, lost: () => void): Api {
  const send = async (path: string, init: RequestInit): Promise<string> => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    let response: Response;
    try {
      response = await fetch(path, { ...init, headers });
    } catch (error) {
      if (init.signal?.aborted === true) throw error;
      throw new ApiError(0, "the server does not answer");
    }
    const text = await response.text();
    if (response.ok) return text;
    if (response.status === 401) lost();
    throw new ApiError(response.status, reasonOf(text) ?? `status ${response.status}`);
  };
  const read = async <T>(path: string, init: RequestInit): Promise<T> => {
    const text = await send(path, init);
    return (text === "" ? undefined : parseJson(text)) as T;
  };
  const withSignal = (signal: AbortSignal | undefined): RequestInit =>
    signal === undefined ? {} : { signal };
  return {
    get: (path, signal) => read(path, withSignal(signal)),
    post: (path, body, signal) =>
      read(path, { ...withSignal(signal), method: "POST", body: printJson(body) }),
    delete: (path) => read(path, { method: "DELETE" }),
    text: (path, signal) => send(path, withSignal(signal)),
  };
}

function reasonOf(text: string): string | undefined {
  try {
    const { error } = JSON.parse(text) as { readonly error?: unknown };
    return typeof error === "string" ? error : undefined;
  } catch {
    return text.length > 0 && text.length < 300 ? text : undefined;
  }
}

export function namespacePath(name: string, version: 1 | 2, rest = ""): string {
  return `/v${version}/namespaces/${encodeURIComponent(name)}${rest}`;
}
