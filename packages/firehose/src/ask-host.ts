// Questions to hosts about a repo: the repo itself, its newest rev, its account's status.
// Spec: lexicons com.atproto.sync.getRepo, getLatestCommit, getRepoStatus

import { type Car, CarError, readCar } from '@avocet/car'
import { type CID, cidEquals, formatCid } from '@avocet/data'
import { type Did, isTid } from '@avocet/syntax'
import type { CopyHost, RepoCopy, RepoParts } from './copies.ts'
import { ResyncError, type ResyncErrorCode } from './errors.ts'
import type { HostFetch } from './hosts.ts'
import type { HostStatus, LatestRev, ResyncRequest } from './options.ts'
import { pause } from './pause.ts'
import { isUrgent } from './state.ts'

/** Options of {@link repoFetcher} and its neighbours. */
export type RepoFetcherOptions = {
  /** Must refuse private addresses when it may be given any host (`createGuardedFetch` of `@avocet/did`); see `limitHosts`. */
  readonly fetch: HostFetch
  /** Asked first, in order (a relay that mirrors repos): what they do not have, or not as new, is asked of the account's PDS. */
  readonly upstream?: readonly string[]
  /** For single blocks that a repo needs again (com.atproto.sync.getBlocks), while it is fetched. Default `fetch`. */
  readonly fetchBlocks?: HostFetch
  /** Until the response begins, ms. Default 30 000. */
  readonly timeoutMs?: number
}

/**
 * The hosts that may have a repo, for `createResync`: upstream first, then the account's PDS. Only the PDS can say that a repo is
 * gone for good.
 */
export function repoFetcher(
  options: RepoFetcherOptions,
): (request: ResyncRequest) => readonly CopyHost<RepoCopy>[] {
  const at = (host: string, own: boolean): CopyHost<RepoCopy> => ({
    own,
    // A mirror may have repos without answering such questions.
    ...(own ? { parts: (request: ResyncRequest) => partsOf(host, request, options) } : {}),
    open: async ({ did, repo, signal }) => {
      const accept = 'application/vnd.ipld.car'
      const how = { ...options, urgent: isUrgent(repo.priority) }
      const response = await ask(host, 'com.atproto.sync.getRepo', did, accept, how, signal)
      const car = response.body ?? fail('fetch-failed', `host gives nothing; host=${host}`)
      return { car, block: (cid) => askBlock(host, did, cid, options, signal) }
    },
  })
  return ({ identity }) => [
    ...(options.upstream ?? []).map((host) => at(host, false)),
    ...(identity?.pds ? [at(identity.pds, true)] : []),
  ]
}

/** Asks the account's PDS for its newest rev, for the option `latestRev` of `consume`. */
export function latestRevFetcher(options: Omit<RepoFetcherOptions, 'upstream'>): LatestRev {
  return async ({ did, identity, signal }) => {
    if (identity.pds === null) return null
    try {
      const body = await askJson(identity.pds, 'com.atproto.sync.getLatestCommit', did, options, signal)
      return isTid(body['rev']) ? body['rev'] : fail('fetch-failed', 'answer has no rev')
    } catch (error) {
      if (error instanceof ResyncError && NO_REPO.has(error.code)) return null
      throw error
    }
  }
}

/** Asks the account's PDS for the account's status, for the option `hostStatus` of `consume`. */
export function hostStatusFetcher(options: Omit<RepoFetcherOptions, 'upstream'>): HostStatus {
  return async ({ did, identity, signal, patient = true }) => {
    const { pds } = identity
    if (pds === null) return null
    try {
      const question = (): Promise<Record<string, unknown>> =>
        askJson(pds, 'com.atproto.sync.getRepoStatus', did, { ...options, urgent: true }, signal)
      // A relay may tell more changes at once than a host is asked about at a time.
      const body = await (patient ? patiently(signal, question) : question())
      if (body['active'] === true) return 'active'
      return typeof body['status'] === 'string' ? body['status'].slice(0, 64) : 'inactive'
    } catch (error) {
      // It does not know the account: deleted there, or moved away.
      if (error instanceof ResyncError && error.code === 'repo-not-found') return null
      throw error
    }
  }
}

const NO_REPO: ReadonlySet<string> = new Set([
  'repo-not-found',
  'repo-takendown',
  'repo-suspended',
  'repo-deactivated',
])

const GONE: ReadonlyMap<string, ResyncErrorCode> = new Map([
  ['RepoNotFound', 'repo-not-found'],
  ['RepoTakendown', 'repo-takendown'],
  ['RepoSuspended', 'repo-suspended'],
  ['RepoDeactivated', 'repo-deactivated'],
])

const MAX_JSON_BYTES = 65_536

/** Bytes of one block with what a CAR has around it. */
const MAX_BLOCK_BYTES = 2 * 1024 * 1024
/** Times that a small question is asked while its host is busy with others: some 80 s. */
const MAX_TRIES = 20
const FIRST_PAUSE_MS = 50
const MAX_PAUSE_MS = 5000

async function patiently<T>(signal: AbortSignal, question: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await question()
    } catch (error) {
      if (!(error instanceof ResyncError) || error.code !== 'host-busy' || tries >= MAX_TRIES) throw error
      const wait = Math.max(error.retryAfterMs ?? 0, FIRST_PAUSE_MS * 2 ** tries)
      await pause(Math.min(wait, MAX_PAUSE_MS), signal)
      signal.throwIfAborted()
    }
  }
}

async function askBlock(
  host: string,
  did: Did,
  cid: CID,
  options: RepoFetcherOptions,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  const how = { ...options, fetch: options.fetchBlocks ?? options.fetch, urgent: true }
  const params = [['cids', formatCid(cid)]] as const
  try {
    const car = await patiently(signal, () =>
      readCarAt(host, 'com.atproto.sync.getBlocks', did, params, MAX_BLOCK_BYTES, how, signal),
    )
    if (car === null) throw new ResyncError('fetch-failed', `block is too large; host=${host}`)
    return car.blocks.find((block) => cidEquals(block.cid, cid))?.bytes ?? null
  } catch (error) {
    if (error instanceof CarError) return null
    throw error
  }
}

function partsOf(host: string, { did, repo, signal }: ResyncRequest, options: RepoFetcherOptions): RepoParts {
  const fetch = options.fetchBlocks ?? options.fetch
  const how = { ...options, fetch, urgent: isUrgent(repo.priority) }
  return {
    record: (collection, rkey, maxBytes) => {
      const params = [
        ['collection', collection],
        ['rkey', rkey],
      ] as const
      return readCarAt(host, 'com.atproto.sync.getRecord', did, params, maxBytes, how, signal)
    },
    blocks: (cids, maxBytes) => {
      const params = cids.map((cid) => ['cids', formatCid(cid)] as const)
      return patiently(signal, () =>
        readCarAt(host, 'com.atproto.sync.getBlocks', did, params, maxBytes, how, signal),
      )
    },
  }
}

/** A CAR whose blocks hash to their CIDs; null: it is larger than this. @throws ResyncError, CarError */
async function readCarAt(
  host: string,
  nsid: string,
  did: Did,
  params: Params,
  maxBytes: number,
  options: AskOptions,
  signal: AbortSignal,
): Promise<Car | null> {
  const response = await ask(host, nsid, did, 'application/vnd.ipld.car', options, signal, params)
  const parts: Uint8Array<ArrayBuffer>[] = []
  let size = 0
  try {
    for await (const part of response.body ?? []) {
      size += part.length
      if (size > maxBytes) return null
      parts.push(part)
    }
  } catch (cause) {
    if (cause instanceof ResyncError || signal.aborted) throw cause
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new ResyncError('fetch-failed', `answer broke off; host=${host} ${message}`, { cause })
  }
  return readCar(new Uint8Array(await new Blob(parts).arrayBuffer()))
}

/** Of a question, besides the DID: names and values. */
type Params = readonly (readonly [name: string, value: string])[]

/** `urgent`: something waits for the answer, see `HostFetch`. */
type AskOptions = Omit<RepoFetcherOptions, 'upstream'> & { readonly urgent?: boolean }

async function askJson(
  host: string,
  nsid: string,
  did: Did,
  options: AskOptions,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs ?? 30_000)])
  const response = await ask(host, nsid, did, 'application/json', options, limited)
  const body = await readJson(response)
  return body ?? fail('fetch-failed', `answer is not JSON; host=${host}`)
}

async function ask(
  host: string,
  nsid: string,
  did: Did,
  accept: string,
  options: AskOptions,
  signal: AbortSignal,
  params: Params = [],
): Promise<Response> {
  const url = new URL(`/xrpc/${nsid}`, host)
  for (const [name, value] of [['did', did], ...params] as const) url.searchParams.append(name, value)
  // Only until the response begins: a large repo may take its time.
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), options.timeoutMs ?? 30_000)
  let response: Response
  try {
    response = await options.fetch(url.href, {
      signal: AbortSignal.any([signal, late.signal]),
      headers: { accept },
      ...(options.urgent === true ? { urgent: true } : {}),
    })
  } catch (cause) {
    if (cause instanceof ResyncError) throw cause
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new ResyncError('fetch-failed', `host could not be asked; host=${url.host} ${message}`, { cause })
  } finally {
    clearTimeout(timer)
  }
  if (response.ok) return response
  const retryAfterMs = Number(response.headers.get('retry-after')) * 1000
  const name = (await readJson(response))?.['error']
  const code = (typeof name === 'string' ? GONE.get(name) : undefined) ?? 'fetch-failed'
  const said = typeof name === 'string' ? name.slice(0, 100) : 'none'
  throw new ResyncError(
    code,
    `host does not give the repo; host=${url.host} status=${response.status} error=${said}`,
    retryAfterMs > 0 ? { retryAfterMs: Math.min(retryAfterMs, 86_400_000) } : {},
  )
}

/** An object of at most 64 KiB; null when the answer is something else. */
async function readJson(response: Response): Promise<Record<string, unknown> | null> {
  if (response.body === null) return null
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const chunk of response.body) {
      text += decoder.decode(chunk, { stream: true })
      if (text.length > MAX_JSON_BYTES) return null
    }
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : null
  } catch {
    return null
  }
}

function fail(code: ResyncErrorCode, message: string): never {
  throw new ResyncError(code, message)
}
