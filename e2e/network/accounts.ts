// The accounts of a network: who is where, and what they have, as far as those who write know it.

import { createRandom, keyOf, LIKE, NOTE, type Random, recordFor } from '../simulated/people.ts'
import { procedure, query } from '../support/network.ts'
import type { Host } from './world.ts'

/** A collection that the indexer is not told of. */
export const DRAFT = 'com.example.draft'
export const PROFILE = 'app.bsky.actor.profile'
/** Those it is told of. */
export const WANTED: readonly string[] = [NOTE, LIKE, PROFILE]

/** Whether records at a path are indexed. */
export const isWantedPath = (path: string): boolean => WANTED.includes(path.slice(0, path.indexOf('/')))

/** One account. */
export type Account = {
  readonly did: string
  readonly name: string
  readonly email: string
  host: Host
  token: string
  /** It never had a record of a wanted collection. */
  bystander: boolean
  /** `off`: it comes back, or has moved away meanwhile. `gone`: it does not. */
  state: 'on' | 'off' | 'gone'
  /** Paths of the records that it has, as far as is known. */
  readonly paths: string[]
  /** Keys given out so far. */
  keys: number
}

export const PASSWORD = 'correct horse battery'

/** Makes accounts and fills their repos, `atOnce` at a time. */
export async function settle(options: {
  readonly hosts: readonly Host[]
  readonly accounts: number
  readonly bystanders: number
  /** Records of all together. */
  readonly records: number
  readonly seed: number
  readonly print: (line: string) => void
}): Promise<Account[]> {
  const { hosts, records, seed } = options
  const accounts: Account[] = []
  const each = Math.floor(records / options.accounts)
  let next = 0
  const work = async (): Promise<void> => {
    while (next < options.accounts) {
      const index = next++
      const host = hosts[index % hosts.length]!
      const bystander = index < options.bystanders
      const account = await signUp(host, `person${index}`, bystander)
      await fill(account, each, createRandom(seed * 7919 + index))
      accounts.push(account)
      if (accounts.length % 250 === 0) options.print(`${accounts.length} accounts`)
    }
  }
  await Promise.all(Array.from({ length: 6 }, work))
  return accounts.toSorted((a, b) => (a.did < b.did ? -1 : 1))
}

async function signUp(host: Host, name: string, bystander: boolean): Promise<Account> {
  const email = `${name}@example.com`
  const { status, body } = await procedure<{ did: string; accessJwt: string }>(
    host.url,
    'com.atproto.server.createAccount',
    { handle: `${name}.test`, email, password: PASSWORD },
  )
  if (status !== 200) throw new Error(`no account: ${status} ${JSON.stringify(body)}`)
  return {
    did: body.did,
    name,
    email,
    host,
    token: body.accessJwt,
    bystander,
    state: 'on',
    paths: [],
    keys: 0,
  }
}

/** The collection of the next record. */
export function collectionOf({ bystander }: Account, random: Random): string {
  if (bystander || random(8) === 0) return DRAFT
  return random(3) === 0 ? LIKE : NOTE
}

/** A create of a batch, with a key that was not there yet. */
export function createOf(
  account: Account,
  collection: string,
  random: Random,
): { path: string; write: object } {
  const rkey = keyOf(account.keys++)
  const value =
    collection === DRAFT
      ? { $type: DRAFT, text: `draft ${random(1000)}` }
      : recordFor(collection, random, [account])
  return {
    path: `${collection}/${rkey}`,
    write: { $type: 'com.atproto.repo.applyWrites#create', collection, rkey, value },
  }
}

async function fill(account: Account, count: number, random: Random): Promise<void> {
  for (let left = count; left > 0; left -= 200) {
    const creates = Array.from({ length: Math.min(left, 200) }, () =>
      createOf(account, collectionOf(account, random), random),
    )
    const input = { repo: account.did, writes: creates.map(({ write }) => write) }
    const { status, body } = await procedure(account.host.url, 'com.atproto.repo.applyWrites', input, account)
    if (status !== 200) throw new Error(`could not fill ${account.did}: ${JSON.stringify(body)}`)
    account.paths.push(...creates.map(({ path }) => path))
  }
}

/** What a host says of an account: `active`, another status, or `none` where it has no such account. */
export async function statusAt({ url }: Host, did: string): Promise<string> {
  const { status, body } = await query<{ active: boolean; status?: string; error?: string }>(
    url,
    'com.atproto.sync.getRepoStatus',
    { did },
  )
  if (status === 400 && body.error === 'RepoNotFound') return 'none'
  if (status !== 200) throw new Error(`no status of ${did}: ${status} ${JSON.stringify(body)}`)
  return body.active ? 'active' : (body.status ?? 'inactive')
}
