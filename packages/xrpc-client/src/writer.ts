/** Writing records of an account that is signed in. @see https://atproto.com/specs/xrpc, lexicons com.atproto.repo.* */
import type { DataObject, DataValue } from '@avocet/data'
import type { RecordSchema } from '@avocet/lexicon'
import type { AtUri, CidString, Did } from '@avocet/syntax'
import { stringifyJson } from '@avocet/xrpc'
import { readJson } from './client.ts'
import { issuesError, XrpcClientError } from './error.ts'
import type { ReadOptions } from './reader.ts'
import type { CallResult, Client } from './types.ts'

type Caller = Pick<Client, 'request'>

/**
 * A record as a person writes it: without `$type`, and where the schema wants `createdAt`, that may be any text of a date, a `Date`, or
 * be left out (now).
 */
export type RecordFields<T> = Omit<T, '$type' | 'createdAt'> &
  (T extends { createdAt?: unknown } ? { readonly createdAt?: string | Date } : unknown)

/** Where a written record is. */
export interface WrittenRecord {
  readonly uri: AtUri
  readonly cid: CidString
  /** The newest commit of the repository with it; null where nothing changed, or the service does not say. */
  readonly rev: string | null
}

/** Whether and how a write depends on what is there. */
export interface WriteOptions extends ReadOptions {
  /** The commit that must be the newest one. */
  readonly swapCommit?: string
}

/** One of several writes that are done all together or not at all. */
export type RecordWrite =
  | {
      readonly action: 'create'
      readonly schema: RecordSchema
      readonly rkey?: string
      readonly fields: object
    }
  | {
      readonly action: 'update'
      readonly schema: RecordSchema
      readonly rkey: string
      readonly fields: object
    }
  | { readonly action: 'delete'; readonly schema: { readonly nsid: string }; readonly rkey: string }

/**
 * A record of its fields: with `$type`, with `createdAt` where the schema wants one, and checked.
 * @throws {XrpcClientError} `invalid-request` with the issues
 */
export function buildRecord<T>(schema: RecordSchema<T>, fields: RecordFields<T>, now: Date = new Date()): T {
  const given = fields as DataObject & { readonly createdAt?: string | Date }
  const { createdAt } = given
  const record: Record<string, unknown> = { $type: schema.nsid, ...given }
  if (createdAt instanceof Date) record['createdAt'] = createdAt.toISOString()
  let checked = schema.validate(record)
  if (!checked.ok && createdAt === undefined && checked.issues.some(({ path }) => path === '/createdAt')) {
    checked = schema.validate({ ...record, createdAt: now.toISOString() })
  }
  if (!checked.ok) throw issuesError('invalid-request', schema.nsid, 'record', checked.issues)
  return checked.value
}

/** Makes a record; the service chooses its key, or takes `rkey`. Fails with `invalid-request` for fields that the schema refuses. */
export function createRecord<T>(
  client: Caller,
  schema: RecordSchema<T>,
  where: { readonly repo: Did; readonly rkey?: string },
  fields: RecordFields<T>,
  options: WriteOptions = {},
): Promise<CallResult<WrittenRecord>> {
  return write(client, 'createRecord', options, () => ({
    ...where,
    collection: schema.nsid,
    record: buildRecord(schema, fields),
    swapCommit: options.swapCommit,
  }))
}

/** Writes a record in the place of what is there, or of nothing. @param options `swapRecord`: the CID that must be there; null: none */
export function putRecord<T>(
  client: Caller,
  schema: RecordSchema<T>,
  where: { readonly repo: Did; readonly rkey: string },
  fields: RecordFields<T>,
  options: WriteOptions & { readonly swapRecord?: string | null } = {},
): Promise<CallResult<WrittenRecord>> {
  return write(client, 'putRecord', options, () => ({
    ...where,
    collection: schema.nsid,
    record: buildRecord(schema, fields),
    swapCommit: options.swapCommit,
    swapRecord: options.swapRecord,
  }))
}

/** Deletes a record; one that is not there is no failure. */
export async function deleteRecord(
  client: Caller,
  where: { readonly repo: Did; readonly collection: string; readonly rkey: string },
  options: WriteOptions & { readonly swapRecord?: string } = {},
): Promise<CallResult<void>> {
  const { swapCommit, swapRecord } = options
  const answer = await call(client, 'deleteRecord', options, () => ({ ...where, swapCommit, swapRecord }))
  return answer.ok ? { ...answer, value: undefined } : answer
}

/** Several writes in one commit: all or none. @returns what each of them gave, in their order; null for a delete */
export async function applyWrites(
  client: Caller,
  repo: Did,
  writes: readonly RecordWrite[],
  options: WriteOptions = {},
): Promise<CallResult<readonly (WrittenRecord | null)[]>> {
  const nsid = 'com.atproto.repo.applyWrites'
  const answer = await call(client, 'applyWrites', options, () => ({
    repo,
    swapCommit: options.swapCommit,
    writes: writes.map((one) =>
      present({
        $type: `${nsid}#${one.action}`,
        collection: one.schema.nsid,
        rkey: one.rkey,
        value:
          one.action === 'delete'
            ? undefined
            : buildRecord(one.schema, one.fields as RecordFields<DataObject>),
      }),
    ),
  }))
  if (!answer.ok) return answer
  const results: unknown = answer.value?.['results']
  const rev = revOf(answer.value)
  const value = Array.isArray(results) ? results.map((one) => writtenOf(one, rev)) : null
  if (value?.length === writes.length) return { ...answer, value }
  return { ok: false, error: new XrpcClientError('invalid-response', `not the results; nsid=${nsid}`) }
}

async function write(
  client: Caller,
  name: 'createRecord' | 'putRecord',
  options: WriteOptions,
  input: () => Readonly<Record<string, unknown>>,
): Promise<CallResult<WrittenRecord>> {
  const answer = await call(client, name, options, input)
  if (!answer.ok) return answer
  const value = writtenOf(answer.value, revOf(answer.value))
  if (value !== null) return { ...answer, value }
  return {
    ok: false,
    error: new XrpcClientError('invalid-response', `no record in the answer; nsid=com.atproto.repo.${name}`),
  }
}

async function call(
  client: Caller,
  name: string,
  options: WriteOptions,
  input: () => Readonly<Record<string, unknown>>,
): Promise<CallResult<DataObject | null>> {
  const nsid = `com.atproto.repo.${name}`
  try {
    const body = stringifyJson(present(input()) as DataValue)
    const request = { ...options, nsid, type: 'procedure' as const, body, encoding: 'application/json' }
    const answer = await client.request(request)
    if (!answer.ok) return answer
    return { ...answer, value: (await readJson(answer.value, MAX_ANSWER, nsid)) as DataObject | null }
  } catch (error) {
    if (error instanceof XrpcClientError) return { ok: false, error }
    throw error
  }
}

const MAX_ANSWER = 1024 * 1024

/** Without what is undefined. */
function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function writtenOf(value: unknown, rev: string | null): WrittenRecord | null {
  const { uri, cid } = (value ?? {}) as { uri?: unknown; cid?: unknown }
  if (typeof uri !== 'string' || !uri.startsWith('at://') || typeof cid !== 'string') return null
  return { uri: uri as `at://${string}`, cid, rev }
}

function revOf(value: DataObject | null): string | null {
  const { rev } = (value?.['commit'] ?? {}) as { rev?: unknown }
  return typeof rev === 'string' ? rev : null
}
