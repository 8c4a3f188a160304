/**
 * Bindings and settings of wrangler.toml, and the exports tests reach through `cloudflare:workers`.
 */
interface Env {
  readonly BUCKET: R2Bucket;
  readonly NAMESPACES: DurableObjectNamespace<
    import("../../durable-objects/namespace.ts").Namespace
  >;
  readonly METERS: DurableObjectNamespace<import("../../durable-objects/meter.ts").Meter>;
  readonly READERS: DurableObjectNamespace<import("../../durable-objects/reader.ts").Reader>;
  readonly JOBS: Queue<
    | import("../../src/ports.ts").JobHint
    | import("../../src/ports.ts").OperationHint
    | import("../../src/ports.ts").RecallSampleHint
  >;
  readonly ASSETS: Fetcher;
  /** Secret: accepted API keys, separated by commas. */
  readonly SHOAL_API_KEYS?: string;
  /** Secret: one more accepted API key. */
  readonly SHOAL_API_KEY?: string;
  /** Origins whose pages may call the API, separated by commas. */
  readonly SHOAL_CORS_ORIGINS?: string;
  /** Waiting added to every request to the bucket, for benches only. */
  readonly SHOAL_R2_LATENCY?: string;
  /** Milliseconds added to every call of a namespace's object or reader, for benches only. */
  readonly SHOAL_OBJECT_LATENCY?: string;
}

declare namespace Cloudflare {
  interface Env extends globalThis.Env {}
  interface GlobalProps {
    mainModule: typeof import("../main.ts");
    durableNamespaces: "Namespace" | "Meter" | "Reader";
  }
}
