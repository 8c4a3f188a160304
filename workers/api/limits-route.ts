/** GET /v1/limits: the bounds a caller can run into. Bytes are of decompressed bodies. */
import { limits } from "../../src/limits.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";

export async function getLimits({ request }: Scope): Promise<Response> {
  return respondJson(request, {
    write_body_bytes: limits.bodyBytesMax,
    query_body_bytes: limits.queryBodyBytesMax,
    json_depth: limits.jsonDepthMax,
    write_rows: limits.batchRowsMax,
    write_encoded_bytes: limits.batchBytesMax,
    document_bytes: limits.documentBytesMax,
    id_bytes: limits.idBytesMax,
    attribute_name_bytes: limits.attributeNameBytesMax,
    attributes: limits.attributesMax,
    filterable_value_bytes: limits.filterableBytesMax,
    dimensions: limits.dimensionsMax,
    filter_depth: limits.filterDepthMax,
    filter_nodes: limits.filterNodesMax,
    in_list: limits.inListMax,
    top_k: limits.topKMax,
    namespace_name_length: limits.namespaceNameMax,
    list_page: limits.listPageMax,
    unindexed_bytes: limits.unindexedHardBytes,
    eventual_age_ms: limits.eventualAgeMsMax,
  });
}
