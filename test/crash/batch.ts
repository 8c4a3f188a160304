/** Which failures a scenario is run with: each alone, all pairs, or some pairs by chance. */
import { SeededRandom } from "../seeded-random.ts";
import type { Fault } from "./failures.ts";
import { failuresOf, type Run, run } from "./run.ts";
import type { Scenario } from "./scenarios.ts";

/** Without a failure, then with each. */
export async function* singles(scenario: Scenario): AsyncGenerator<Run> {
  const dry = await run(scenario);
  yield dry;
  for (const fault of failuresOf(dry.effects)) yield await run(scenario, fault);
}

/** Every second failure in the run that each first one made. */
export async function* pairs(scenario: Scenario): AsyncGenerator<Run> {
  const { effects } = await run(scenario);
  for (const first of failuresOf(effects)) {
    for (const second of await failuresAfter(scenario, first)) {
      yield await run(scenario, first, second);
    }
  }
}

export async function* samplePairs(
  scenario: Scenario,
  seed: number,
  count: number,
): AsyncGenerator<Run> {
  const random = new SeededRandom(seed);
  const below = (end: number): number => {
    const [a = 0, b = 0, c = 0] = random.bytes(3);
    return ((a << 16) | (b << 8) | c) % end;
  };
  const { effects } = await run(scenario);
  const firsts = failuresOf(effects);
  for (let i = 0; i < count; i++) {
    const first = firsts[below(firsts.length)];
    if (first === undefined) return;
    const seconds = await failuresAfter(scenario, first);
    const second = seconds[below(Math.max(1, seconds.length))];
    yield await run(scenario, first, ...(second === undefined ? [] : [second]));
  }
}

async function failuresAfter(scenario: Scenario, first: Fault): Promise<Fault[]> {
  const { effects } = await run(scenario, first);
  return failuresOf(effects, first.effect);
}
