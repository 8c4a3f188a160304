/** The XML of the S3 protocol, as far as the simulator speaks it: answers out, two bodies in. */
import type { ObjectInfo } from "../../../src/store/object-store.ts";

export interface ListAnswer {
  readonly bucket: string;
  readonly prefix: string;
  readonly delimiter: string;
  readonly objects: readonly ObjectInfo[];
  readonly commonPrefixes: readonly string[];
  /** The last key or prefix of the page, if more follow. */
  readonly next: string | undefined;
}

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';

export function listXml(answer: ListAnswer): string {
  const { bucket, prefix, delimiter, objects, commonPrefixes, next } = answer;
  const contents = objects.map(
    ({ key, size, etag, uploadedMs }) =>
      `<Contents>${tag("Key", key)}${tag("LastModified", new Date(uploadedMs).toISOString())}` +
      `${tag("ETag", `"${etag}"`)}${tag("Size", String(size))}<StorageClass>STANDARD</StorageClass>` +
      "</Contents>",
  );
  const folders = commonPrefixes.map(
    (folder) => `<CommonPrefixes>${tag("Prefix", folder)}</CommonPrefixes>`,
  );
  return (
    `${declaration}<ListBucketResult>${tag("Name", bucket)}${tag("Prefix", prefix)}` +
    (delimiter === "" ? "" : tag("Delimiter", delimiter)) +
    tag("KeyCount", String(objects.length + commonPrefixes.length)) +
    tag("MaxKeys", "1000") +
    tag("IsTruncated", String(next !== undefined)) +
    (next === undefined ? "" : tag("NextContinuationToken", next)) +
    `${contents.join("")}${folders.join("")}</ListBucketResult>`
  );
}

export function errorXml(code: string, message: string, key: string): string {
  return (
    `${declaration}<Error>${tag("Code", code)}${tag("Message", message)}` +
    `${tag("Key", key)}<RequestId>simulator</RequestId></Error>`
  );
}

export function uploadStartedXml(bucket: string, key: string, upload: string): string {
  return (
    `${declaration}<InitiateMultipartUploadResult>${tag("Bucket", bucket)}${tag("Key", key)}` +
    `${tag("UploadId", upload)}</InitiateMultipartUploadResult>`
  );
}

export function uploadCompletedXml(bucket: string, key: string, etag: string): string {
  return (
    `${declaration}<CompleteMultipartUploadResult>${tag("Bucket", bucket)}${tag("Key", key)}` +
    `${tag("ETag", `"${etag}"`)}</CompleteMultipartUploadResult>`
  );
}

export function deletedXml(keys: readonly string[]): string {
  const deleted = keys.map((key) => `<Deleted>${tag("Key", key)}</Deleted>`);
  return `${declaration}<DeleteResult>${deleted.join("")}</DeleteResult>`;
}

/** Part numbers of a CompleteMultipartUpload body, in the order given. */
export function readPartNumbers(body: string): readonly number[] {
  return textsOf(body, "PartNumber").map(Number);
}

/** Keys of a DeleteObjects body. */
export function readDeletedKeys(body: string): readonly string[] {
  return textsOf(body, "Key");
}

function textsOf(body: string, name: string): readonly string[] {
  return Array.from(body.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g")), ([, text]) =>
    unescapeXml(text ?? ""),
  );
}

function tag(name: string, text: string): string {
  return `<${name}>${escapeXml(text)}</${name}>`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

function unescapeXml(text: string): string {
  const characters = Object.fromEntries(Object.entries(entities).map(([c, name]) => [name, c]));
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (name) => characters[name] ?? name);
}
