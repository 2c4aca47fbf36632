import type { JsonObject } from '@avocet/data'
import { pdsEndpoint, type DidResolver, type Fetch } from '@avocet/did'
import { createGate, type GateLimits } from '@avocet/repo-server'
import { isDid, isHandle, normalizeHandle, type Did } from '@avocet/syntax'

import type { ServiceEndpoint } from '../config/config.ts'
import type { PublicAddress } from '../identity/address.ts'
import type { ResolveHandle } from '../outbound/outbound.ts'
import { askService } from './ask.ts'

/** Which record, as `getRecord` names it. */
export interface RecordName {
  /** A DID or handle. */
  readonly repo: string
  readonly collection: string
  readonly rkey: string
  readonly cid?: string | undefined
}

/** A record of a repository that is not here, as somebody else gave it: nothing of it is proven. */
export interface RemoteRecord {
  readonly uri: string
  readonly cid?: string
  readonly value: JsonObject
}

/**
 * Records of repositories that are not here, of accounts that moved away among them: from the AppView, or from the server
 * that the account's DID document names. Null when neither has it.
 * @param from who asks for it: each network has a share of what is asked at a time
 * @throws (from what it returns) PdsError `too-many-at-once` above that share, `busy` while too many are asked for in all
 */
export type FindRemoteRecord = (name: RecordName, from: string | null) => Promise<RemoteRecord | null>

/** What finding composes. */
export interface RemoteRecordParts {
  readonly appView: ServiceEndpoint | null
  /** A guarded one: strangers choose where it goes. */
  readonly fetch: Fetch
  readonly dids: DidResolver
  readonly resolveHandle: ResolveHandle
  readonly address: PublicAddress
  /** Milliseconds by a clock that nobody sets. */
  readonly now?: () => number
}

/** A record has at most a million bytes of CBOR; its JSON is somewhat longer. */
const BOUNDS = { timeoutMs: 5000, maxBytes: 2 * 1024 * 1024 }
const KEPT_MS = 30_000
const KEPT_MISSING_MS = 10_000
const MAX_KEPT = 500
/** A record longer than this, as JSON, is not remembered: 500 of them have 16 MB at most. */
const MAX_KEPT_LENGTH = 32 * 1024
/**
 * Records asked for at a time. Strangers choose the servers that are asked, and so how long that takes: one network has an
 * eighth of the places.
 */
const AT_ONCE: GateLimits = { total: 32, perAccount: 4, perAddress: 4 }

const METHOD = 'com.atproto.repo.getRecord'

/** Finds records, and remembers them for a short while; one request for a record at a time. */
export function createFindRemoteRecord(parts: RemoteRecordParts): FindRemoteRecord {
  const { appView, fetch, dids, resolveHandle, address, now = () => performance.now() } = parts
  const kept = new Map<string, { readonly record: RemoteRecord | null; readonly until: number }>()
  const running = new Map<string, Promise<RemoteRecord | null>>()
  const gate = createGate('records of other servers asked for', AT_ONCE)

  const askAt = async (url: string, name: RecordName): Promise<RemoteRecord | null> => {
    const { repo, collection, rkey, cid } = name
    const params = { repo, collection, rkey, ...(cid === undefined ? {} : { cid }) }
    // A service that is away has as little to say as one that refuses.
    const answer = await askService(fetch, url, METHOD, params, BOUNDS).catch(() => null)
    return answer === null ? null : readRecord(answer, name)
  }

  const askHome = async (name: RecordName): Promise<RemoteRecord | null> => {
    const did = isDid(name.repo) ? name.repo : await resolve(name.repo)
    if (did === null) return null
    const resolved = await dids.resolve(did)
    const home = resolved.ok ? pdsEndpoint(resolved.value) : null
    if (home === null || home === new URL(address.url()).origin) return null
    return askAt(home, { ...name, repo: did })
  }

  const resolve = async (text: string): Promise<Did | null> =>
    isHandle(text) ? resolveHandle(normalizeHandle(text)) : null

  const find = async (name: RecordName): Promise<RemoteRecord | null> =>
    (appView === null ? null : await askAt(appView.url, name)) ?? (await askHome(name))

  const keep = (key: string, record: RemoteRecord | null): void => {
    if (record !== null && JSON.stringify(record).length > MAX_KEPT_LENGTH) return
    kept.delete(key)
    if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value!)
    kept.set(key, { record, until: now() + (record === null ? KEPT_MISSING_MS : KEPT_MS) })
  }

  return async (name, from) => {
    const key = [name.repo, name.collection, name.rkey, name.cid ?? ''].join(' ')
    const known = kept.get(key)
    if (known !== undefined && known.until > now()) return known.record
    // Who waits for an answer that another waits for takes no place.
    const before = running.get(key)
    if (before !== undefined) return before
    return gate.run({ did: null, address: from }, () => {
      const found = find(name)
        .then((record) => {
          keep(key, record)
          return record
        })
        .finally(() => running.delete(key))
      running.set(key, found)
      return found
    })
  }
}

/** Reads an answer; null unless it is of the record that was asked for. */
function readRecord({ uri, cid, value }: JsonObject, name: RecordName): RemoteRecord | null {
  if (typeof uri !== 'string' || typeof value !== 'object' || value === null || Array.isArray(value)) {
    return null
  }
  if (!uri.startsWith('at://') || !uri.endsWith(`/${name.collection}/${name.rkey}`)) return null
  if (isDid(name.repo) && !uri.startsWith(`at://${name.repo}/`)) return null
  if (name.cid !== undefined && cid !== name.cid) return null
  return { uri, ...(typeof cid === 'string' ? { cid } : {}), value }
}
