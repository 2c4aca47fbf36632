import type { BlobRef } from '@avocet/data'
import type { RecordSchema } from '@avocet/lexicon'
import type { Did } from '@avocet/syntax'
import {
  applyWrites,
  createClient,
  createRecord,
  decodeRecord,
  deleteRecord,
  getRecord,
  putRecord,
  unwrap,
  uploadBlob,
  type Client,
  type RecordEntry,
  type RecordFields,
  type RecordWrite,
  type Service,
  type UploadBody,
  type WriteOptions,
  type WrittenRecord,
} from '@avocet/xrpc-client'

import { spoken } from './error.ts'
import { list, type ListOptions } from './records.ts'

/** A signed-in account: a session of `signIn`, `resumeSession` or `@avocet/oauth-client`. */
export interface AgentSession extends Service {
  readonly did: Did
}

/** Whose records are read; default the agent's own. They must be on the same PDS. */
interface Whose {
  readonly repo?: string
  readonly signal?: AbortSignal
}

/** Works in the repository of one account, record by record. All its methods throw `AtprotoError`. */
export interface Agent {
  readonly did: Did
  /** For everything else: `client.call(schema, …)`. */
  readonly client: Client
  /** Makes a record. `createdAt` may be left out. @param options `rkey`: its key; default: the service chooses */
  create<T>(
    schema: RecordSchema<T>,
    fields: RecordFields<T>,
    options?: WriteOptions & { readonly rkey?: string },
  ): Promise<WrittenRecord>
  /** One record, checked by its schema; null where there is none. */
  get<T>(schema: RecordSchema<T>, rkey: string, options?: Whose): Promise<RecordEntry<T> | null>
  /** All records of a kind, the newest first. */
  list<T>(schema: RecordSchema<T>, options?: Whose & ListOptions): AsyncGenerator<RecordEntry<T>, void>
  /** Writes a record in the place of what is there, or of nothing. */
  put<T>(
    schema: RecordSchema<T>,
    rkey: string,
    fields: RecordFields<T>,
    options?: WriteOptions & { readonly swapRecord?: string | null },
  ): Promise<WrittenRecord>
  /** Deletes a record; one that is not there is no failure. */
  delete(
    schema: { readonly nsid: string },
    rkey: string,
    options?: WriteOptions & { readonly swapRecord?: string },
  ): Promise<void>
  /** Uploads a blob, for a record that names it next. @param encoding its MIME type; default that of a `Blob` */
  uploadBlob(body: UploadBody, encoding?: string): Promise<BlobRef>
  /** Several writes in one commit: all or none. Null in the place of each delete. */
  applyWrites(
    writes: readonly RecordWrite[],
    options?: WriteOptions,
  ): Promise<readonly (WrittenRecord | null)[]>
}

/** An agent of a session. */
export function agent(session: AgentSession): Agent {
  const client = createClient({ service: session })
  const { did } = session
  return {
    did,
    client,
    create: (schema, fields, { rkey, ...options } = {}) =>
      spoke(async () =>
        unwrap(
          await createRecord(
            client,
            schema,
            { repo: did, ...(rkey === undefined ? {} : { rkey }) },
            fields,
            options,
          ),
        ),
      ),
    get: (schema, rkey, { repo = did, signal } = {}) =>
      spoke(async () => {
        const where = { repo, collection: schema.nsid, rkey }
        const found = await getRecord(client, where, signal === undefined ? {} : { signal })
        if (found.ok) return decodeRecord(schema, found.value)
        if (found.error.error === 'RecordNotFound') return null
        throw found.error
      }),
    list: (schema, { repo = did, ...options } = {}) => list(client, repo, schema, options),
    put: (schema, rkey, fields, options) =>
      spoke(async () => unwrap(await putRecord(client, schema, { repo: did, rkey }, fields, options))),
    delete: (schema, rkey, options) =>
      spoke(async () =>
        unwrap(await deleteRecord(client, { repo: did, collection: schema.nsid, rkey }, options)),
      ),
    uploadBlob: (body, encoding) =>
      spoke(async () => {
        const type = encoding ?? (body instanceof Blob && body.type !== '' ? body.type : '*/*')
        return unwrap(await uploadBlob(client, body, { encoding: type }))
      }),
    applyWrites: (writes, options) =>
      spoke(async () => unwrap(await applyWrites(client, did, writes, options))),
  }
}

async function spoke<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    throw spoken('@avocet/xrpc-client', cause)
  }
}
