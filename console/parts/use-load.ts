/** Something read from the server, again whenever what it depends on changes. */
import { useCallback, useEffect, useState } from "preact/hooks";

export type Loaded<T> =
  | { readonly kind: "loading"; readonly value?: T }
  | { readonly kind: "ready"; readonly value: T }
  | { readonly kind: "failed"; readonly reason: string; readonly value?: T };

/** The value read before stays while it is read again. */
export function useLoad<T>(
  load: (signal: AbortSignal) => Promise<T>,
  dependencies: readonly unknown[],
): readonly [Loaded<T>, () => void] {
  const [state, setState] = useState<Loaded<T>>({ kind: "loading" });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const ended = new AbortController();
    setState((before) =>
      before.value === undefined ? { kind: "loading" } : { kind: "loading", value: before.value },
    );
    load(ended.signal).then(
      (value) => {
        if (!ended.signal.aborted) setState({ kind: "ready", value });
      },
      (error: unknown) => {
        if (ended.signal.aborted) return;
        const reason = reasonOf(error);
        setState((before) =>
          before.value === undefined
            ? { kind: "failed", reason }
            : { kind: "failed", reason, value: before.value },
        );
      },
    );
    return () => ended.abort();
    // `load` is made anew by each rendering; what it depends on is said by the caller.
  }, [...dependencies, turn]);
  return [state, useCallback(() => setTurn((before) => before + 1), [])];
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Calls `work` now and every so often, while the page is looked at. */
export function useRepeated(work: () => Promise<void>, everyMs: number, isOn = true): void {
  useEffect(() => {
    if (!isOn) return;
    let ended = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const turn = async (): Promise<void> => {
      if (!document.hidden) await work().catch(() => undefined);
      if (!ended) timer = setTimeout(() => void turn(), everyMs);
    };
    void turn();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [isOn, everyMs]);
}
