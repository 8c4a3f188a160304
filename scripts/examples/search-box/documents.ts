/** The sample texts as documents of the search box, with vectors of the small encoder. */
import { type ApiClient, namespacePath } from "../../api-client.ts";
import { loadEncoder } from "../../embed.ts";
import { readSample } from "../../sample.ts";
import { schema } from "./queries.ts";

/** Writing the same ids again changes nothing. */
export async function writeDocuments(client: ApiClient, namespace: string): Promise<void> {
  const { embed } = loadEncoder();
  await client.post(namespacePath(namespace), {
    distance_metric: "cosine_distance",
    upsert_rows: readSample().map(({ id, title, text }) => ({
      id,
      title,
      text,
      vector: Array.from(embed(`${title}. ${text}`)),
    })),
    schema,
  });
}
