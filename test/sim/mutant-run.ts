/** Runs worlds under a planted bug until one notices; prints its seed and what it noticed. */
import { runSeed } from "./world.ts";

const [seeds, operations] = process.argv.slice(2).map(Number);

for (let seed = 1; seed <= (seeds ?? 1); seed++) {
  const { violations } = await runSeed({ seed, operations: operations ?? 200, mode: "both" });
  const [first] = violations;
  if (first !== undefined) {
    console.log(JSON.stringify({ seed, kind: first.kind, detail: first.detail.slice(0, 200) }));
    process.exit(0);
  }
}
