/** Reading an account's public data from its PDS: records, repositories, blobs. */
import {
  type BlobRef,
  type CID,
  cidEquals,
  cidFromDigest,
  type DataObject,
  type DataValue,
  isBlobRef,
  parseCid,
} from '@avocet/data'
import type { Issue, RecordSchema } from '@avocet/lexicon'
import { encodeParams, type ParamValue } from '@avocet/xrpc'
import { createSha256 } from '#platform'
import { readBytes } from './body.ts'
import { readJson } from './client.ts'
import { issuesError, XrpcClientError } from './error.ts'
import { type CallResult, type CallSettings, type Client, type UploadBody, unwrap } from './types.ts'

type Caller = Pick<Client, 'request'>

/** Settings of one read. */
export interface ReadOptions extends CallSettings {
  readonly signal?: AbortSignal
}

/** A record, and where it is. */
export interface RecordEntry<T = DataObject> {
  readonly uri: string
  readonly cid: string
  readonly value: T
}

/** A record that its schema refuses. */
export interface RecordFailure extends RecordEntry {
  readonly issues: readonly Issue[]
}

const maxJsonBytes = 16 * 1024 * 1024

/** Checks one record against its schema. @throws {XrpcClientError} `invalid-response` */
export function decodeRecord<T>(schema: RecordSchema<T>, entry: RecordEntry): RecordEntry<T> {
  const checked = schema.validate(entry.value)
  if (!checked.ok) throw issuesError('invalid-response', schema.nsid, `record ${entry.uri}`, checked.issues)
  return { ...entry, value: checked.value }
}

/** Checks many records, and collects those that their schema refuses. */
export function decodeRecords<T>(
  schema: RecordSchema<T>,
  entries: Iterable<RecordEntry>,
): { records: RecordEntry<T>[]; failures: RecordFailure[] } {
  const records: RecordEntry<T>[] = []
  const failures: RecordFailure[] = []
  for (const entry of entries) {
    const checked = schema.validate(entry.value)
    if (checked.ok) records.push({ ...entry, value: checked.value })
    else failures.push({ ...entry, issues: checked.issues })
  }
  return { records, failures }
}

/** One record. A missing one is a failure, `RecordNotFound`; a malformed answer is one, `invalid-response`. */
export async function getRecord(
  client: Caller,
  where: { readonly repo: string; readonly collection: string; readonly rkey: string; readonly cid?: string },
  options: ReadOptions = {},
): Promise<CallResult<RecordEntry>> {
  const nsid = 'com.atproto.repo.getRecord'
  const answer = await query(client, nsid, where, options)
  if (!answer.ok) return answer
  try {
    const entry = entryOf(await readJson(answer.value, maxJsonBytes, nsid))
    if (entry !== null) return { ...answer, value: entry }
    return { ok: false, error: new XrpcClientError('invalid-response', `not a record; nsid=${nsid}`) }
  } catch (error) {
    if (error instanceof XrpcClientError) return { ok: false, error }
    throw error
  }
}

/**
 * The records of a collection, page by page as the reader goes on.
 *
 * @throws {XrpcClientError} of a call that failed; `invalid-response` for an answer that is no page of records
 */
export async function* listRecords(
  client: Caller,
  where: {
    readonly repo: string
    readonly collection: string
    readonly reverse?: boolean
    /** Where to begin, exclusive: a cursor of an earlier listing. */
    readonly cursor?: string
    /** Records of one page, at most 100. Default 100. */
    readonly limit?: number
  },
  options: ReadOptions = {},
): AsyncGenerator<RecordEntry, void> {
  const nsid = 'com.atproto.repo.listRecords'
  let { cursor } = where
  for (;;) {
    const params = { ...where, limit: where.limit ?? 100, cursor }
    const response = unwrap(await query(client, nsid, params, options))
    const page = (await readJson(response, maxJsonBytes, nsid)) as DataObject | null
    const records = page?.['records']
    if (!Array.isArray(records))
      throw new XrpcClientError('invalid-response', `no records in the answer; nsid=${nsid}`)
    for (const record of records) {
      const entry = entryOf(record)
      if (entry === null) throw new XrpcClientError('invalid-response', `not a record; nsid=${nsid}`)
      yield entry
    }
    const next = page?.['cursor']
    if (typeof next !== 'string' || next === '') return
    if (next === cursor)
      throw new XrpcClientError('invalid-response', `the cursor does not move; nsid=${nsid}`)
    cursor = next
  }
}

/** A repository being downloaded: take it in one of three ways, once. */
export interface RepoDownload {
  /** The CAR file as it arrives. */
  readonly stream: ReadableStream<Uint8Array>
  /** The CAR file whole. @throws {XrpcClientError} `too-large` */
  bytes(maxBytes?: number): Promise<Uint8Array>
  /** What a reader of repositories makes of it, such as `readRepo` of the repo package. */
  records<R>(read: (stream: ReadableStream<Uint8Array>) => R): R
}

/**
 * A whole repository, or what came after a revision.
 *
 * @example
 * for await (const record of unwrap(await getRepo(client, { did })).records((car) => readRepo(car, { did }))) { … }
 */
export async function getRepo(
  client: Caller,
  where: { readonly did: string; readonly since?: string },
  options: ReadOptions = {},
): Promise<CallResult<RepoDownload>> {
  const answer = await query(client, 'com.atproto.sync.getRepo', where, options)
  if (!answer.ok) return answer
  const response = answer.value
  const value: RepoDownload = {
    get stream() {
      return response.body ?? new Blob([]).stream()
    },
    bytes: (maxBytes = Number.MAX_SAFE_INTEGER) => readBytes(response, maxBytes),
    records: (read) => read(value.stream),
  }
  return { ...answer, value }
}

/** A blob being downloaded: its stream fails at its end when the bytes are not the ones asked for. */
export interface BlobDownload {
  readonly stream: ReadableStream<Uint8Array>
  /** MIME type, as the PDS has it. */
  readonly encoding: string | null
  /** The blob whole. @throws {XrpcClientError} `wrong-hash`, `too-large` */
  bytes(maxBytes?: number): Promise<Uint8Array>
}

/**
 * A blob, its hash checked while it streams.
 *
 * @throws {DataError} for a CID that is not one
 */
export async function getBlob(
  client: Caller,
  where: { readonly did: string; readonly cid: string | CID },
  options: ReadOptions = {},
): Promise<CallResult<BlobDownload>> {
  const cid = typeof where.cid === 'string' ? parseCid(where.cid) : where.cid
  const answer = await query(
    client,
    'com.atproto.sync.getBlob',
    { did: where.did, cid: cid.toString() },
    options,
  )
  if (!answer.ok) return answer
  const response = answer.value
  const stream = verified(response.body ?? new Blob([]).stream(), cid)
  const encoding = response.headers.get('content-type')
  const bytes = (maxBytes = Number.MAX_SAFE_INTEGER): Promise<Uint8Array> =>
    readBytes(new Response(stream), maxBytes)
  return { ...answer, value: { stream, encoding, bytes } }
}

/** Uploads a blob; a stream goes out as it comes. The reference goes into a record next. */
export async function uploadBlob(
  client: Caller,
  body: UploadBody,
  options: ReadOptions & { readonly encoding: string },
): Promise<CallResult<BlobRef>> {
  const nsid = 'com.atproto.repo.uploadBlob'
  const answer = await client.request({ ...options, nsid, type: 'procedure', body })
  if (!answer.ok) return answer
  try {
    const value = (await readJson(answer.value, maxJsonBytes, nsid)) as DataObject | null
    const blob = value?.['blob']
    if (blob !== undefined && isBlobRef(blob)) return { ...answer, value: blob }
    return {
      ok: false,
      error: new XrpcClientError('invalid-response', `no blob in the answer; nsid=${nsid}`),
    }
  } catch (error) {
    if (error instanceof XrpcClientError) return { ok: false, error }
    throw error
  }
}

function query(
  client: Caller,
  nsid: string,
  params: Readonly<Record<string, ParamValue>>,
  options: ReadOptions,
): Promise<CallResult<Response>> {
  return client.request({ ...options, nsid, type: 'query', query: encodeParams(null, params) })
}

function entryOf(value: DataValue): RecordEntry | null {
  const { uri, cid, value: record } = (value ?? {}) as DataObject
  if (typeof uri !== 'string' || typeof cid !== 'string' || typeof record !== 'object' || record === null)
    return null
  return { uri, cid, value: record as DataObject }
}

function verified(stream: ReadableStream<Uint8Array>, cid: CID): ReadableStream<Uint8Array> {
  const hash = createSha256()
  return stream.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        hash.update(chunk)
        controller.enqueue(chunk)
      },
      flush(controller) {
        const found = cidFromDigest(cid.code === 0x71 ? 'dag-cbor' : 'raw', hash.digest())
        if (cidEquals(found, cid)) return
        controller.error(
          new XrpcClientError(
            'wrong-hash',
            `not the blob asked for; cid=${cid.toString()} got=${found.toString()}`,
          ),
        )
      },
    }),
  )
}
