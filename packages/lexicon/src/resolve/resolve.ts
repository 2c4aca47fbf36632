// https://atproto.com/specs/lexicon#lexicon-publication-and-resolution
import type { CID, DataObject } from '@avocet/data'
import { readBounded, toJson } from '@avocet/data'
import { formatAtUri, isDid, isNsid, nsidAuthority, type Did, type Nsid } from '@avocet/syntax'
import { parseLexicon } from '../parse/parse.ts'
import type {
  LexiconFetchers,
  Outcome,
  ResolvedLexicon,
  ResolveErrorCode,
  ResolveFailure,
  ResolveResult,
} from './types.ts'

/** The collection that lexicons are published in; the record key is the NSID. */
export const SCHEMA_COLLECTION: Nsid = 'com.atproto.lexicon.schema'

/** Largest proof that is read, in bytes: a record of 1 MiB and the path to it. */
const MAX_PROOF = 2 * 1024 * 1024

/** A failure on its way up. */
class Failed extends Error {
  readonly failure: ResolveFailure
  constructor(failure: ResolveFailure) {
    super(failure.message)
    this.failure = failure
  }
}

/** The name that is asked for in the DNS: `_lexicon.feed.bsky.app` for `app.bsky.feed.post`. */
export function lexiconDnsName(nsid: Nsid): string {
  return `_lexicon.${nsidAuthority(nsid)}`
}

/**
 * Resolves one NSID, without a cache: DNS, then DID, then the record with its proof. When the proof fails with a key
 * that may be out of date, the account is resolved afresh and tried once more.
 */
export async function resolveLexicon<Key>(
  nsid: string,
  fetchers: LexiconFetchers<Key>,
  options: { readonly signal: AbortSignal },
): Promise<ResolveResult> {
  try {
    if (!isNsid(nsid)) throw fail(nsid, 'invalid-nsid', 'not an NSID')
    const did = await findAuthority(nsid, fetchers, options.signal)
    let proved = await fetchRecord(nsid, did, fetchers, options.signal, false)
    if (!proved.ok) proved = await fetchRecord(nsid, did, fetchers, options.signal, true)
    if (!proved.ok) throw fail(nsid, 'invalid-proof', proved.error.message, proved.error)
    const { cid, record } = proved.value
    if (cid === null || record === null) {
      throw fail(nsid, 'not-found', `the authority has no such lexicon; did=${did}`)
    }
    return { ok: true, value: readDocument(nsid, did, cid, record) }
  } catch (error) {
    options.signal.throwIfAborted()
    if (error instanceof Failed) return { ok: false, error: error.failure }
    throw error
  }
}

/** Runs a function of the caller; what it throws is the failure of its step. */
async function attempt<T>(
  nsid: string,
  code: ResolveErrorCode,
  work: () => Promise<Outcome<T>> | Outcome<T>,
): Promise<T> {
  let outcome: Outcome<T>
  try {
    outcome = await work()
  } catch (error) {
    throw fail(nsid, code, error instanceof Error ? error.message : String(error), error)
  }
  if (outcome.ok) return outcome.value
  throw fail(nsid, code, outcome.error.message, outcome.error)
}

async function findAuthority<Key>(
  nsid: Nsid,
  fetchers: LexiconFetchers<Key>,
  signal: AbortSignal,
): Promise<Did> {
  const name = lexiconDnsName(nsid)
  const texts = await attempt(nsid, 'dns-failed', () => fetchers.lookupTxt(name, { signal }))
  const dids = new Set(texts.filter((text) => text.startsWith('did=')).map((text) => text.slice(4).trim()))
  const [did, second] = dids
  if (second !== undefined) throw fail(nsid, 'ambiguous-authority', `several DIDs; name=${name}`)
  if (did === undefined) throw fail(nsid, 'no-authority', `no TXT record did=…; name=${name}`)
  if (!isDid(did)) throw fail(nsid, 'no-authority', `not a DID; name=${name} did=${did.slice(0, 80)}`)
  return did
}

async function fetchRecord<Key>(
  nsid: Nsid,
  did: Did,
  fetchers: LexiconFetchers<Key>,
  signal: AbortSignal,
  forceRefresh: boolean,
): Promise<Outcome<{ readonly cid: CID | null; readonly record: DataObject | null }>> {
  const account = await attempt(nsid, 'did-failed', () =>
    fetchers.resolveAccount(did, { signal, forceRefresh }),
  )
  const url = new URL('/xrpc/com.atproto.sync.getRecord', account.pds)
  url.search = new URLSearchParams({ did, collection: SCHEMA_COLLECTION, rkey: nsid }).toString()
  const car = await attempt(nsid, 'fetch-failed', async (): Promise<Outcome<Uint8Array>> => {
    const response = await fetchers.fetch(url.href, { signal })
    if (response.ok) {
      const proof = await readBounded(response.body, MAX_PROOF)
      if (proof !== null) return { ok: true, value: proof }
      return { ok: false, error: { message: `the answer is too large; max=${MAX_PROOF}` } }
    }
    await response.body?.cancel()
    // Servers answer RecordNotFound with a status instead of a proof. It proves nothing, but there is nothing to read.
    return { ok: false, error: { message: `status ${response.status}; url=${url.origin}${url.pathname}` } }
  })
  const record = { did, collection: SCHEMA_COLLECTION, rkey: nsid, key: account.key }
  try {
    return fetchers.verifyProof(car, record)
  } catch (error) {
    return { ok: false, error: { message: error instanceof Error ? error.message : String(error) } }
  }
}

function readDocument(nsid: Nsid, did: Did, cid: CID, record: DataObject): ResolvedLexicon {
  if (record['$type'] !== SCHEMA_COLLECTION) {
    throw fail(nsid, 'invalid-lexicon', `the record is no ${SCHEMA_COLLECTION}`)
  }
  const parsed = parseLexicon(toJson(record))
  if (!parsed.ok) {
    const { message, issues } = parsed.error
    throw new Failed({ code: 'invalid-lexicon', message, nsid, issues })
  }
  const document = parsed.value
  if (document.id !== nsid) throw fail(nsid, 'invalid-lexicon', `of another NSID; id=${document.id}`)
  return { nsid, document, did, uri: formatAtUri(did, SCHEMA_COLLECTION, nsid), cid }
}

function fail(nsid: string, code: ResolveErrorCode, message: string, cause?: unknown): Failed {
  const shown = nsid.slice(0, 320)
  return new Failed({
    code,
    message: `${message}; nsid=${shown}`,
    nsid: shown,
    ...(cause === undefined ? {} : { cause }),
  })
}
