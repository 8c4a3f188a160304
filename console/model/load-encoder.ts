/** The demo encoder, fetched when somebody first searches by meaning: some 6 MB, kept by the browser. */
import { createEncoder, type Encoder } from "./encoder.ts";

let loading: Promise<Encoder> | undefined;

export function loadEncoder(): Promise<Encoder> {
  loading ??= fetchEncoder().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function fetchEncoder(): Promise<Encoder> {
  const [vocabulary, tokens, scales] = await Promise.all([
    fetchFile("vocab.txt").then((response) => response.text()),
    fetchFile("tokens-192.i8").then((response) => response.arrayBuffer()),
    fetchFile("scales-192.f32").then((response) => response.arrayBuffer()),
  ]);
  return createEncoder({ vocabulary, tokens, scales });
}

async function fetchFile(name: string): Promise<Response> {
  const response = await fetch(`encoder/${name}`);
  if (!response.ok) throw new Error("the demo encoder cannot be loaded");
  return response;
}
