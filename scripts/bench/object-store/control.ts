/** What a bench asks of the object store of server.ts, from whichever process. */
import type { TrafficSummary } from "./traffic.ts";

export interface ObjectStoreControl {
  /** Without a slash at its end; a path begins with the bucket, and each bucket exists. */
  readonly url: string;
  /** What came since the last call. */
  takeTraffic(): Promise<TrafficSummary>;
  /** As `parseLatency` reads it; empty: no waiting. */
  setLatency(setting: string): Promise<void>;
}

export function controlObjectStore(url: string): ObjectStoreControl {
  const post = async (path: string, body = ""): Promise<unknown> => {
    const response = await fetch(url + path, { method: "POST", body });
    if (!response.ok) throw new Error(`${path} was answered ${response.status}`);
    return response.json();
  };
  return {
    url,
    takeTraffic: async () => (await post("/_traffic")) as TrafficSummary,
    setLatency: async (setting) => void (await post("/_latency", setting)),
  };
}
