/** `npm run bench -- <what>`: measurements of the bundled Worker, as lines of JSON. */
import { Command } from "commander";
import { branchCommand } from "./bench-branch.ts";
import { facetsCommand } from "./bench-facets.ts";
import { filtersCommand } from "./bench-filters.ts";
import { growthCommand } from "./bench-growth.ts";
import { phrasesCommand } from "./bench-phrases.ts";
import { recallCommand } from "./bench-recall.ts";
import { relevanceCommand } from "./bench-relevance.ts";
import { textCommand } from "./bench-text.ts";
import { vectorsCommand } from "./bench-vectors.ts";

export function benchCommand(): Command {
  return new Command("bench")
    .description("measure the bundled Worker")
    .addCommand(recallCommand())
    .addCommand(vectorsCommand())
    .addCommand(growthCommand())
    .addCommand(branchCommand())
    .addCommand(facetsCommand())
    .addCommand(relevanceCommand())
    .addCommand(textCommand())
    .addCommand(phrasesCommand())
    .addCommand(filtersCommand());
}
