/** The whole Worker over HTTP, inside the runtime: what stories use to speak with a namespace. */
import { env, exports } from "cloudflare:workers";

const origin = "https://shoal.test";
const indexPatienceMs = 20_000;

export interface StoryAnswer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly json: T;
}

export async function send<T>(method: string, path: string, body?: unknown) {
  const request = new Request(origin + path, {
    method,
    headers: { authorization: `Bearer ${env.SHOAL_API_KEYS}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const response = await exports.default.fetch(request);
  const { status, headers } = response;
  const answer: StoryAnswer<T> = { status, headers, json: await response.json<T>() };
  return answer;
}

export interface Row {
  readonly id: number | string;
  readonly $dist?: number;
  readonly [attribute: string]: unknown;
}

export interface QueryAnswer {
  readonly rows: readonly Row[];
  readonly performance: {
    readonly cache_temperature: string;
    readonly rounds: number;
    readonly store_requests: number;
    readonly unindexed_rows: number;
    readonly approx_namespace_size: number;
  };
}

export interface IndexAnswer {
  readonly indexed: boolean;
  readonly generation: string;
  readonly head: number;
  readonly floor: number;
  readonly unindexed_rows: number;
  readonly segments: readonly {
    readonly id: string;
    readonly rows: number;
    readonly dead_rows: number;
  }[];
  readonly jobs: readonly { readonly kind: string }[];
}

/** A namespace; every call but `try…` expects a 200. */
export class Namespace {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  async write(body: object): Promise<{ readonly rows_affected: number }> {
    return expectOk(await this.tryWrite(body));
  }

  tryWrite(body: object) {
    return send<{ readonly rows_affected: number }>("POST", `/v2/namespaces/${this.name}`, body);
  }

  async query(body: object): Promise<QueryAnswer> {
    return expectOk(await this.tryQuery(body));
  }

  tryQuery(body: object) {
    return send<QueryAnswer>("POST", `/v2/namespaces/${this.name}/query`, body);
  }

  /** Rows by id, at most 10,000. */
  async rows(query: object = {}): Promise<readonly Row[]> {
    const body = { rank_by: ["id", "asc"], limit: 10_000, include_attributes: true, ...query };
    return (await this.query(body)).rows;
  }

  async index(): Promise<IndexAnswer> {
    return expectOk(await send<IndexAnswer>("GET", `/v1/namespaces/${this.name}/index`));
  }

  /** Asks for indexing now. */
  async requestFlush(): Promise<void> {
    await send("POST", `/v1/namespaces/${this.name}/index`);
  }

  /** Asks for indexing now and waits for it. */
  async indexNow(): Promise<IndexAnswer> {
    await this.requestFlush();
    return await this.untilIndexed();
  }

  async untilIndexed(): Promise<IndexAnswer> {
    const endMs = Date.now() + indexPatienceMs;
    for (;;) {
      const status = await this.index();
      if (status.indexed) return status;
      if (Date.now() > endMs) throw new Error(`not indexed: ${JSON.stringify(status)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async delete(): Promise<void> {
    expectOk(await this.tryDelete());
  }

  tryDelete() {
    return send<object>("DELETE", `/v2/namespaces/${this.name}`);
  }

  /** Drops the caches of the isolate. */
  async purgeCaches(): Promise<void> {
    expectOk(await send("GET", `/v1/namespaces/${this.name}/_debug/purge_cache`));
  }

  /** What the isolate that answers holds. */
  async memory<T>(): Promise<T> {
    return expectOk(await send<T>("GET", `/v1/namespaces/${this.name}/_debug/memory`));
  }

  stub() {
    return env.NAMESPACES.getByName(`default/${this.name}`);
  }

  /** Keys below the generation, without its prefix. */
  async keys(generation: string, below = ""): Promise<readonly string[]> {
    const prefix = `t/default/n/${generation}/`;
    const { objects } = await env.BUCKET.list({ prefix: prefix + below });
    return objects.map(({ key }) => key.slice(prefix.length));
  }
}

function expectOk<T>({ status, json }: StoryAnswer<T>): T {
  if (status < 200 || status > 299) throw new Error(`${status}: ${JSON.stringify(json)}`);
  return json;
}
