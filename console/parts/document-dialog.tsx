/** One document whole, as JSON, and its deletion. */
import { useState } from "preact/hooks";
import type { Row } from "../model/answers.ts";
import { type Api, namespacePath } from "../model/api.ts";
import { formatJson, printJson } from "../model/json.ts";
import { Dialog, Notice } from "./controls.tsx";
import { reasonOf } from "./use-load.ts";

interface DocumentDialogProps {
  readonly api: Api;
  readonly namespace: string;
  readonly row: Row;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

export function DocumentDialog({ api, namespace, row, onClose, onDeleted }: DocumentDialogProps) {
  const [isSure, setSure] = useState(false);
  const [reason, setReason] = useState<string>();
  const { $dist: _, ...document } = row;
  const remove = async (): Promise<void> => {
    try {
      await api.post(namespacePath(namespace, 2), { deletes: [row.id] });
      onDeleted();
    } catch (error) {
      setReason(reasonOf(error));
    }
  };
  return (
    <Dialog title={`Document ${printJson(row.id)}`} onClose={onClose}>
      <pre class="json" tabIndex={0}>
        {formatJson(document)}
      </pre>
      {reason === undefined ? null : <Notice kind="error">{reason}</Notice>}
      <footer class="row">
        <button
          type="button"
          onClick={() => void navigator.clipboard.writeText(formatJson(document))}
        >
          Copy
        </button>
        {isSure ? (
          <button type="button" class="danger" onClick={() => void remove()}>
            Delete it for good
          </button>
        ) : (
          <button type="button" class="plain" onClick={() => setSure(true)}>
            Delete …
          </button>
        )}
      </footer>
    </Dialog>
  );
}
