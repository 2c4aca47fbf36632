// What a service answers, read as far as it is needed here.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html

import { readBounded } from '@avocet/data'

import { BlobError } from './error.ts'

/** A part of a bucket's list of keys. */
export interface S3Page {
  readonly objects: readonly { readonly key: string; readonly size: number; readonly writtenAt: number }[]
  /** With a delimiter: what the keys begin with, up to and with it. */
  readonly prefixes: readonly string[]
  /** Where the next page begins; null when there is none. */
  readonly marker: string | null
}

/** The most that is read of an answer that is not a blob: a page of 1000 keys takes less than 2 MiB. */
const MAX_TEXT = 4 * 1024 * 1024

/** @throws BlobError `unavailable` for what is too long to be such an answer */
export async function readText(response: Response): Promise<string> {
  const bytes = await readBounded(response.body, MAX_TEXT)
  if (bytes === null) throw new BlobError('unavailable', `the answer is too long; max=${MAX_TEXT}`)
  return new TextDecoder().decode(bytes)
}

/** @throws BlobError `unavailable` for what is no list */
export function readPage(xml: string): S3Page {
  if (!xml.includes('<ListBucketResult'))
    throw new BlobError('unavailable', 'the answer is not a list of keys')
  const objects = elements(xml, 'Contents').map((one) => ({
    key: textOf(one, 'Key') ?? '',
    size: Number(textOf(one, 'Size')),
    writtenAt: Date.parse(textOf(one, 'LastModified') ?? ''),
  }))
  const prefixes = elements(xml, 'CommonPrefixes').map((one) => textOf(one, 'Prefix') ?? '')
  if (textOf(xml, 'IsTruncated') !== 'true') return { objects, prefixes, marker: null }
  // Only a list with a delimiter has to come with its marker.
  const last = [objects.at(-1)?.key ?? '', prefixes.at(-1) ?? ''].toSorted().at(-1)!
  const marker = textOf(xml, 'NextMarker') ?? last
  if (marker === '') throw new BlobError('unavailable', 'a list goes on, but does not say where')
  return { objects, prefixes, marker }
}

/** The code of an error, such as `NoSuchBucket`; empty when the answer has none. */
export const readErrorCode = (xml: string): string => textOf(xml.slice(0, 10_000), 'Code') ?? ''

/** The insides of the elements of a name; S3 nests none in one of the same name. */
function elements(xml: string, name: string): string[] {
  const found: string[] = []
  const [open, close] = [`<${name}>`, `</${name}>`]
  for (let at = xml.indexOf(open); at !== -1; at = xml.indexOf(open, at)) {
    const end = xml.indexOf(close, at)
    if (end === -1) break
    found.push(xml.slice(at + open.length, end))
    at = end
  }
  return found
}

function textOf(xml: string, name: string): string | null {
  const [text] = elements(xml, name)
  return text === undefined ? null : unescaped(text)
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['&lt;', '<'],
  ['&gt;', '>'],
  ['&quot;', '"'],
  ['&apos;', "'"],
  ['&amp;', '&'],
])

const unescaped = (text: string): string =>
  text.replaceAll(/&(?:lt|gt|quot|apos|amp);/g, (entity) => ENTITIES.get(entity)!)
