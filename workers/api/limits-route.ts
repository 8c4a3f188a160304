/** GET /v1/limits: the bounds a caller can run into. Bytes are of decompressed bodies. */
import { limitTable } from "./limit-table.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";

export async function getLimits({ request }: Scope): Promise<Response> {
  const values = Object.entries(limitTable).map(([name, { value }]) => [name, value] as const);
  return respondJson(request, Object.fromEntries(values));
}
