import { parseVerificationMethod, verifySignature } from '@avocet/crypto/web'
import { formatCid, readBounded, type DataObject } from '@avocet/data'
import { verificationMethods, type DidDocument } from '@avocet/did'
import type { RecordSchema } from '@avocet/lexicon'
import { readRepoBy, verifyRecordProofBy, type CheckSignature, type RepoReader } from '@avocet/repo'
import { isNsid, isRecordKey } from '@avocet/syntax'
import { createClient, getRepo, XrpcClientError, type RecordEntry } from '@avocet/xrpc-client'

import { AtprotoError, spoken, valueOf } from './error.ts'
import { resolve, type LocatedAccount, type ReadOptions } from './identity.ts'

/** A record that its account signed: each step from the key in its DID document down to these bytes was checked. */
export interface ProvedEntry<T = DataObject> extends RecordEntry<T> {
  readonly uri: `at://${string}`
  readonly collection: string
  readonly rkey: string
}

/** The repository of an account. Nothing is asked before it is read. */
export interface Repo extends AsyncIterable<ProvedEntry> {
  /**
   * One record, or null where the account has none there: that is proved too. By a schema its value is checked and typed.
   * @throws {AtprotoError} of `@avocet/did`, `@avocet/xrpc-client`, `@avocet/repo`
   */
  get<T = DataObject>(collection: RecordSchema<T> | string, rkey: string): Promise<ProvedEntry<T> | null>
}

/** The longest answer of a proof, in bytes. */
const MAX_PROOF = 8 * 1024 * 1024

/**
 * The records of an account, proved. Iterating reads the whole repository as it arrives, in the order of its keys, in memory that does not
 * grow with it; it throws at the end, at the latest, where anything was missing or wrong.
 */
export function repo(actor: string, options: ReadOptions = {}): Repo {
  return {
    get: (collection, rkey) => getProved(actor, collection, rkey, options),
    [Symbol.asyncIterator]: () => readAll(actor, options),
  }
}

async function getProved<T>(
  actor: string,
  collection: RecordSchema<T> | string,
  rkey: string,
  options: ReadOptions,
): Promise<ProvedEntry<T> | null> {
  const nsid = typeof collection === 'string' ? collection : collection.nsid
  if (!isNsid(nsid) || !isRecordKey(rkey)) {
    throw new AtprotoError('@avocet/atproto', 'invalid-path', `no path of a record; path=${nsid}/${rkey}`)
  }
  return withKey(actor, options, async ({ did, pds }, verify) => {
    const query = new URLSearchParams({ did, collection: nsid, rkey })
    const signal = options.signal === undefined ? {} : { signal: options.signal }
    const client = createClient({ service: pds })
    const answer = await client.request({
      ...signal,
      nsid: 'com.atproto.sync.getRecord',
      type: 'query',
      query,
    })
    const car = await bytesOf(valueOf('@avocet/xrpc-client', answer))
    const proof = await verifyRecordProofBy(car, { did, collection: nsid, rkey, verify })
    const { cid, record } = valueOf('@avocet/repo', proof)
    if (cid === null || record === null) return null
    const uri = `at://${did}/${nsid}/${rkey}` as const
    const entry = { uri, cid: formatCid(cid), collection: nsid, rkey }
    if (typeof collection === 'string') return { ...entry, value: record as T }
    const checked = collection.validate(record)
    if (checked.ok) return { ...entry, value: checked.value }
    const message = `record ${uri}: ${checked.issues[0]?.message ?? 'refused'}; path=${checked.issues[0]?.path ?? ''}`
    throw new AtprotoError('@avocet/atproto', 'invalid-record', message, { issues: checked.issues })
  })
}

async function* readAll(actor: string, options: ReadOptions): AsyncGenerator<ProvedEntry, void> {
  const reader = await withKey(actor, options, async (account, verify) => {
    const client = createClient({ service: account.pds })
    const signal = options.signal === undefined ? {} : { signal: options.signal }
    const download = await getRepo(client, { did: account.did }, { ...signal, timeoutMs: 0 })
    const { stream } = valueOf('@avocet/xrpc-client', download)
    return readRepoBy(stream, { did: account.did, verify })
  })
  try {
    yield* entriesOf(reader)
  } catch (cause) {
    throw spoken('@avocet/repo', cause)
  } finally {
    await reader.close()
  }
}

/** The records of a repository that is being read. */
export async function* entriesOf({ did, entries }: RepoReader): AsyncGenerator<ProvedEntry, void> {
  for await (const { path, collection, rkey, cid, record } of entries) {
    yield { uri: `at://${did}/${path}`, cid: formatCid(cid), collection, rkey, value: record }
  }
}

/** Reads by the account's key; where the signature does not fit, once more by the key of now. */
export async function withKey<T>(
  actor: string,
  options: ReadOptions,
  run: (account: LocatedAccount, verify: CheckSignature) => Promise<T>,
): Promise<T> {
  const attempt = async (fresh: boolean): Promise<T> => {
    const account = await resolve(actor, { ...options, fresh })
    const verify = checkOf(account.document)
    if (verify !== null) return await run(account, verify)
    throw new AtprotoError('@avocet/did', 'no-key', `the account has no key; did=${account.did}`)
  }
  try {
    return await attempt(false)
  } catch (cause) {
    const error = spoken('@avocet/repo', cause)
    if (!(error instanceof AtprotoError) || error.code !== 'bad-signature') throw error
    return await attempt(true).catch((again: unknown) => {
      throw spoken('@avocet/repo', again)
    })
  }
}

/** The check of an account's signatures, by the first valid key of its document: with promises, as curves that need none are 11 kB. */
function checkOf(document: DidDocument): CheckSignature | null {
  for (const { type, publicKeyMultibase } of verificationMethods(document, 'atproto')) {
    const key = parseVerificationMethod(type, publicKeyMultibase)
    if (key.ok) return (message, signature) => verifySignature(key.value, message, signature)
  }
  return null
}

async function bytesOf(response: Response): Promise<Uint8Array> {
  const bytes = await readBounded(response.body, MAX_PROOF)
  if (bytes !== null) return bytes
  throw spoken(
    '@avocet/xrpc-client',
    new XrpcClientError('too-large', `the proof is too large; max=${MAX_PROOF}`),
  )
}
