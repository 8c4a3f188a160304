/**
 * A search box at a terminal, over the sample texts:
 *
 *   node scripts/examples/search-box/search-box.ts suggest "lighthuo"
 *   node scripts/examples/search-box/search-box.ts answer "parents that look after their eggs"
 *
 * Each run writes the namespace, which is small. SHOAL_URL and SHOAL_API_KEY say where; unless they
 * are set, the server of `npm start` is asked.
 */
import { ApiClient, namespacePath } from "../../api-client.ts";
import { loadEncoder } from "../../embed.ts";
import { readLocalKey } from "../../local-key.ts";
import { writeDocuments } from "./documents.ts";
import { answer, suggest } from "./queries.ts";

const name = "search-box";

interface Hit {
  readonly title: string;
  readonly sentences?: readonly { readonly text: string }[];
}

interface Answer {
  readonly rows?: readonly Hit[];
  readonly results?: readonly { readonly rows: readonly Hit[] }[];
}

const [command, words] = process.argv.slice(2);
if ((command === "suggest" || command === "answer") && words !== undefined) {
  await show(command, words);
} else {
  console.error('Usage: search-box.ts suggest|answer "words"');
  process.exitCode = 2;
}

async function show(command: "suggest" | "answer", words: string): Promise<void> {
  const client = new ApiClient({
    url: process.env["SHOAL_URL"] ?? "http://127.0.0.1:8787",
    apiKey: process.env["SHOAL_API_KEY"] ?? readLocalKey() ?? "",
  });
  await writeDocuments(client, name);
  const body =
    command === "suggest" ? suggest(words) : answer(words, Array.from(loadEncoder().embed(words)));
  const { rows, results } = await client.post<Answer>(`${namespacePath(name)}/query`, body);
  for (const { title, sentences = [] } of rows ?? results?.[0]?.rows ?? []) {
    console.log(title);
    for (const { text } of sentences) console.log(`    ${text}`);
  }
}
