/**
 * A client that changes what a name is set to: read-only for a while, pinned or not. What it is
 * refused, and what others are refused meanwhile, is held against the history.
 */
import type { SettingsChange } from "../../src/document/settings.ts";
import { isEngineError } from "../../src/errors.ts";
import { protocolVersion, replyValue } from "../../src/namespace/protocol.ts";
import type { SearchPorts } from "../../src/search-ports.ts";
import { changeSettings } from "../../src/write.ts";
import { makeBranch } from "./branching.ts";
import type { ReadWindow } from "./history.ts";
import { callOwner, removeName } from "./owner-client.ts";
import type { Process } from "./process.ts";
import type { SimName } from "./sim-name.ts";

export async function changeSettingsOf(
  process: Process,
  ports: SearchPorts,
  name: SimName,
): Promise<void> {
  const { random, faults, names } = process.world;
  if (random.chance(0.3)) {
    await change(process, name, { replicas: random.below(2) });
    return;
  }
  const window = name.history.beginRead();
  await change(process, name, { readOnly: true });
  const explained = name.history.explain(
    window,
    "read-only",
    ({ exists, readOnly, metReadOnly }) =>
      readOnly || metReadOnly === true || !exists
        ? undefined
        : "it was acknowledged, and never was",
  );
  if (explained) faults.saw("settings: read-only");
  if (names.length > 1 && random.chance(0.5)) await branchReadOnly(process, ports, name);
  await process.pause(random.spread(10, 60_000), "read-only");
  // Somebody else ends it then.
  if (process.world.isQuiet) return;
  await change(process, name, { readOnly: false });
}

/** A branch is read-only as its parent was, a copy is not. */
async function branchReadOnly(process: Process, ports: SearchPorts, name: SimName): Promise<void> {
  const { random, names } = process.world;
  const others = names.filter((other) => other !== name);
  if (others.every(({ exists }) => exists)) await removeName(process, random.pick(others));
  const copy = await makeBranch(process, ports, name);
  if (copy === undefined) return;
  const window = copy.history.beginRead();
  const { tenant, name: text } = copy.identity;
  const reply = await callOwner(process, text).head({
    protocol: protocolVersion,
    tenant,
    name: text,
  });
  if (!reply.ok) return;
  const { readOnly } = reply.value.settings;
  copy.history.explain(window, "settings of a copy", (point) =>
    !point.exists || point.readOnly === readOnly ? undefined : `read-only is ${readOnly}`,
  );
}

/** For what comes after the faults. */
export async function resetSettings(process: Process, name: SimName): Promise<void> {
  if (name.exists) await change(process, name, { readOnly: false, replicas: 0 });
}

/** What an instance says that knows nothing but the store. */
export async function checkSettings(process: Process, { identity, history }: SimName) {
  const { tenant, name } = identity;
  const owner = callOwner(process, name);
  const { settings } = replyValue(await owner.head({ protocol: protocolVersion, tenant, name }));
  if (settings.readOnly !== history.last.readOnly) {
    process.world.violate("settings", `read-only is ${settings.readOnly}`);
  }
}

async function change(process: Process, name: SimName, settings: SettingsChange): Promise<void> {
  const { identity, history } = name;
  const memory = { recall: () => undefined, remember: () => {} };
  const target = { ...identity, owner: callOwner(process, identity.name), memory };
  const window = history.beginRead();
  try {
    await changeSettings(target, settings);
  } catch (error) {
    if (!isEngineError(error, "notFound")) throw error;
    history.explain(window, "settings", (p) => (p.exists ? "not found, yet it exists" : undefined));
  }
}

export function isReadOnly(error: unknown): boolean {
  return isEngineError(error, "invalid") && error.message.includes("read-only");
}

/** True if the write was refused because the name is read-only, which it must have been. */
export function wasReadOnly(
  { world }: Process,
  { history }: SimName,
  window: ReadWindow,
  error: unknown,
): boolean {
  if (!isReadOnly(error)) return false;
  world.faults.saw("settings: write refused");
  history.explain(window, "refused write", ({ readOnly, metReadOnly }) =>
    readOnly || metReadOnly === true ? undefined : "it was not read-only",
  );
  return true;
}
