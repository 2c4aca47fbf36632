/** Reading an account's public data from its PDS: records, repositories, blobs. */
import {
  type BlobRef,
  type CID,
  cidEquals,
  cidFromDigest,
  DataError,
  type DataObject,
  fromJsonObject,
  isBlobRef,
  parseCid,
} from '@avocet/data'
import type { Issue, RecordSchema } from '@avocet/lexicon'
import type { AtUri, CidString } from '@avocet/syntax'
import { encodeParams, type ParamValue } from '@avocet/xrpc'
import { createSha256 } from '#platform'
import { readBytes } from './body.ts'
import { parseJson, readJson } from './client.ts'
import { issuesError, XrpcClientError } from './error.ts'
import { type CallResult, type CallSettings, type Client, type UploadBody, unwrap } from './types.ts'

type Caller = Pick<Client, 'request'> & Partial<Pick<Client, 'settings'>>

/** Settings of one read. */
export interface ReadOptions extends CallSettings {
  readonly signal?: AbortSignal
}

/** A record, and where it is. */
export interface RecordEntry<T = DataObject> {
  readonly uri: AtUri
  readonly cid: CidString
  readonly value: T
}

/** A record that cannot be read, or that its schema refuses. */
export interface RecordFailure {
  /** As it came; empty where there was none. */
  readonly uri: string
  readonly cid: string
  /** As it came: JSON where it could not be read, else data. */
  readonly value: unknown
  /** What is wrong, with paths within the record. */
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

/**
 * One record. A missing one is a failure, `RecordNotFound`; one that is not of the data model is one, `invalid-response`, unless `lenient` is
 * set.
 */
export async function getRecord(
  client: Caller,
  where: { readonly repo: string; readonly collection: string; readonly rkey: string; readonly cid?: string },
  options: ReadOptions = {},
): Promise<CallResult<RecordEntry>> {
  const nsid = 'com.atproto.repo.getRecord'
  const answer = await query(client, nsid, where, options)
  if (!answer.ok) return answer
  try {
    const read = entryOf(await parseJson(answer.value, maxJsonBytes, nsid), isLenient(client, options))
    return read.ok ? { ...answer, value: read.value } : { ok: false, error: refusal(nsid, read.failure) }
  } catch (error) {
    if (error instanceof XrpcClientError) return { ok: false, error }
    throw error
  }
}

/**
 * The records of a collection, page by page as the reader goes on.
 *
 * A record that is not of the data model ends the list with an error that names it and the place in it. With `onInvalid` it is told of and
 * left out, with `lenient` it is given as it is; the others are given either way.
 *
 * @throws {XrpcClientError} of a call that failed; `invalid-response` for an answer that is no page of records, and for a record as above
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
  options: ReadOptions & {
    /** Told of each record that is not of the data model; the list goes on. Default: the first one ends it. */
    readonly onInvalid?: (failure: RecordFailure) => void
  } = {},
): AsyncGenerator<RecordEntry, void> {
  const nsid = 'com.atproto.repo.listRecords'
  let { cursor } = where
  for (;;) {
    const params = { ...where, limit: where.limit ?? 100, cursor }
    const response = unwrap(await query(client, nsid, params, options))
    const { records, cursor: next } = ((await parseJson(response, maxJsonBytes, nsid)) ?? {}) as {
      records?: unknown
      cursor?: unknown
    }
    if (!Array.isArray(records))
      throw new XrpcClientError('invalid-response', `no records in the answer; nsid=${nsid}`)
    for (const record of records) {
      const read = entryOf(record, isLenient(client, options))
      if (read.ok) yield read.value
      else if (options.onInvalid === undefined) throw refusal(nsid, read.failure)
      else options.onInvalid(read.failure)
    }
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
}

/**
 * A whole repository, or what came after a revision.
 *
 * @example
 * const { stream } = unwrap(await getRepo(client, { did }))
 * const { entries } = await readRepo(stream, { did, key }) // of @avocet/repo
 * for await (const { path, record } of entries) console.log(path, record)
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

/**
 * Uploads a blob; a stream goes out as it comes. The reference goes into a record next.
 *
 * @param options `encoding`: its MIME type; a `Blob` brings its own
 */
export async function uploadBlob(
  client: Caller,
  body: Blob,
  options?: ReadOptions & { readonly encoding?: string },
): Promise<CallResult<BlobRef>>
export async function uploadBlob(
  client: Caller,
  body: UploadBody,
  options: ReadOptions & { readonly encoding: string },
): Promise<CallResult<BlobRef>>
export async function uploadBlob(
  client: Caller,
  body: UploadBody,
  options: ReadOptions & { readonly encoding?: string } = {},
): Promise<CallResult<BlobRef>> {
  const nsid = 'com.atproto.repo.uploadBlob'
  const encoding = options.encoding ?? (body instanceof Blob ? body.type : '')
  if (encoding === '')
    return { ok: false, error: new XrpcClientError('invalid-request', `no encoding; nsid=${nsid}`) }
  const answer = await client.request({ ...options, nsid, type: 'procedure', body, encoding })
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

function isLenient(client: Caller, options: ReadOptions): boolean {
  return options.lenient ?? client.settings?.lenient ?? false
}

/** A record of an answer, as far as its JSON is data. */
function entryOf(
  json: unknown,
  lenient: boolean,
):
  | { readonly ok: true; readonly value: RecordEntry }
  | { readonly ok: false; readonly failure: RecordFailure } {
  const { uri = '', cid = '', value } = (json ?? {}) as { uri?: unknown; cid?: unknown; value?: unknown }
  const where = { uri: typeof uri === 'string' ? uri : '', cid: typeof cid === 'string' ? cid : '' }
  const fail = (path: string, message: string): { ok: false; failure: RecordFailure } => ({
    ok: false,
    failure: { ...where, value, issues: [{ path, code: 'invalid-type', message }] },
  })
  if (!where.uri.startsWith('at://') || where.cid === '') return fail('', 'not a record with its URI and CID')
  try {
    const record = fromJsonObject(value, { lenient })
    return { ok: true, value: { ...where, uri: where.uri as `at://${string}`, value: record } }
  } catch (error) {
    if (!(error instanceof DataError)) throw error
    return fail(error.path, error.message)
  }
}

function refusal(nsid: string, { uri, issues }: RecordFailure): XrpcClientError {
  return issuesError('invalid-response', nsid, `record ${uri}`, issues)
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
