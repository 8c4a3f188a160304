/**
 * JSON answers. Large ones are written as they are sent, never held as a whole, and compressed when
 * the client asks for gzip; small ones are always sent as they are.
 */
import { encodeJsonChunks, type JsonEncodable } from "./json.ts";

/**
 * Below this, compression costs more than it saves: a server sends ten packets, some 14 KB, before
 * it waits for the client anyway.
 */
const gzipBytesMin = 8_192;

export interface ResponseOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export function respondJson(
  request: Request,
  body: JsonEncodable,
  options: ResponseOptions = {},
): Response {
  return respondChunks(request, encodeJsonChunks(body), options);
}

/** The same for JSON that is text already. */
export function respondChunks(
  request: Request,
  chunks: Iterator<Uint8Array, void>,
  { status = 200, headers = {} }: ResponseOptions = {},
): Response {
  const first = chunks.next().value ?? new Uint8Array();
  const second = chunks.next().value ?? undefined;
  const common = { "content-type": "application/json", ...unkept, ...headers };
  const isSmall = second === undefined && first.length < gzipBytesMin;
  if (isSmall || !acceptsGzip(request)) {
    const whole = second === undefined ? first : streamOf(first, second, chunks);
    return new Response(whole, { status, headers: common });
  }
  const body = second === undefined ? platformStream(first) : streamOf(first, second, chunks);
  return respondGzip(body, { status, headers: common });
}

/** A stream of the platform's own: no turn of ours between it and the compression. */
function platformStream(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new Response(bytes).body as ReadableStream<Uint8Array>;
}

/**
 * An answer whose size nobody knows yet, sent as it is made. One without a bound is not compressed:
 * gzip takes three times as long as making it, and the CPU of a request is bounded.
 */
export function respondStream(
  request: Request,
  type: string,
  body: ReadableStream<Uint8Array>,
  isBounded = true,
): Response {
  const headers = { "content-type": type, ...unkept };
  return isBounded && acceptsGzip(request)
    ? respondGzip(body, { headers })
    : new Response(body, { headers });
}

/** Nobody on the way may keep an answer, or compress it against the rules above. */
const unkept = { "cache-control": "no-store, no-transform" };

function respondGzip(
  body: ReadableStream<Uint8Array>,
  { status = 200, headers = {} }: ResponseOptions,
): Response {
  return new Response(body.pipeThrough(new CompressionStream("gzip")), {
    status,
    headers: { ...headers, "content-encoding": "gzip", vary: "accept-encoding" },
    encodeBody: "manual",
  });
}

/** The first two chunks and those still to be made, one at a time as they are taken. */
function streamOf(
  first: Uint8Array,
  second: Uint8Array | undefined,
  others: Iterator<Uint8Array, void>,
): ReadableStream<Uint8Array> {
  const made = second === undefined ? [first] : [first, second];
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      const chunk = made.shift() ?? others.next().value;
      if (chunk === undefined) {
        controller.close();
        controller.byobRequest?.respond(0);
      } else {
        controller.enqueue(chunk);
      }
    },
  });
}

/** The edge replaces the header by what it can take itself, and keeps what the client sent. */
function acceptsGzip(request: Request): boolean {
  const cf = request.cf as IncomingRequestCfProperties | undefined;
  const accepted = cf?.clientAcceptEncoding ?? request.headers.get("accept-encoding") ?? "";
  return accepted.split(",").some((element) => {
    const [coding = "", weight = ""] = element.toLowerCase().split(";");
    return coding.trim() === "gzip" && !/^\s*q\s*=\s*0(\.0*)?\s*$/.test(weight);
  });
}
