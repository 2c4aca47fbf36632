// https://atproto.com/specs/data-model#json-representation
// Links, bytes and blobs as JSON has them, for who reads JSON and makes no values of it: nothing here makes a CID.

import { decodeBase64 } from './base64.ts'
import { hasBlobFields } from './blob.ts'
import { cidTextBytes } from './compact-cid.ts'

/** A CID in JSON. */
export interface JsonLink {
  $link: string
}

/** Bytes in JSON: base64, padded or not. */
export interface JsonBytes {
  $bytes: string
}

/** A blob ref in JSON. */
export interface JsonBlobRef {
  $type: 'blob'
  ref: JsonLink
  mimeType: string
  size: number
}

/** The only field of an object, where it is a text of this name. */
function onlyText(value: unknown, name: string): string | undefined {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1) return undefined
  const text = (value as { readonly [name: string]: unknown })[name]
  return typeof text === 'string' ? text : undefined
}

/** Whether a value is exactly a link, to a CID of the protocol. */
export function isJsonLink(value: unknown): value is JsonLink {
  const text = onlyText(value, '$link')
  return text !== undefined && cidTextBytes(text) !== null
}

/** How many bytes a value stands for; -1 where it is not exactly bytes. */
export function jsonByteLength(value: unknown): number {
  const text = onlyText(value, '$bytes')
  return text === undefined ? -1 : (decodeBase64(text)?.length ?? -1)
}

/** Whether a value is exactly a blob ref. */
export function isJsonBlobRef(value: unknown): value is JsonBlobRef {
  return hasBlobFields(value, isJsonLink)
}
