/** Endpoints about what a namespace was: part of the list in routes.ts. */
import { streamChanges } from "./changes-route.ts";
import {
  createSnapshotRoute,
  deleteSnapshotRoute,
  listSnapshotsRoute,
  restoreNamespace,
} from "./history-routes.ts";
import {
  changesParams,
  restoreFields,
  snapshotFields,
  snapshotListParams,
} from "./reference/other-fields.ts";
import type { Route } from "./routes.ts";

export const pastRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/namespaces/:ns/snapshots",
    access: "write",
    about: "Give the namespace, as it is or was, a name. It shares what it is made of.",
    body: { fields: snapshotFields },
    answer: { status: 201, is: "NewSnapshot" },
    conflicts: true,
    expires: true,
    handle: createSnapshotRoute,
  },
  {
    method: "GET",
    path: "/v1/namespaces/:ns/snapshots",
    access: "read",
    about: "List the namespace's snapshots, also if it was deleted.",
    params: snapshotListParams,
    answer: { status: 200, is: "SnapshotList" },
    handle: listSnapshotsRoute,
  },
  {
    method: "DELETE",
    path: "/v1/namespaces/:ns/snapshots/:id",
    access: "write",
    about: "Delete a snapshot. Deleting the namespace does not.",
    answer: { status: 200, is: "Status" },
    handle: deleteSnapshotRoute,
  },
  {
    method: "POST",
    path: "/v1/namespaces/:ns/restore",
    access: "write",
    about: "Go on as the namespace was. All that was written since is given up.",
    body: { fields: restoreFields },
    answer: { status: 200, is: "Restored" },
    conflicts: true,
    expires: true,
    handle: restoreNamespace,
  },
  {
    method: "GET",
    path: "/v2/namespaces/:ns/changes",
    access: "read",
    about:
      "What was written, in its order, as lines of JSON. The last line is " +
      '{"next_cursor": …}: ask again with it as `after`. 410 if it is not kept any more.',
    params: changesParams,
    answer: { status: 200, is: "ChangeLine", media: "application/x-ndjson" },
    expires: true,
    handle: streamChanges,
  },
];
