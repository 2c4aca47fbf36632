// The truth, and the network that tells of it: accounts on hosts, a directory, relays, and a mirror of repos. Keys and trees are
// names, so that an event costs microseconds; frames are real.

import { type CID, formatCid, type DataObject } from '@avocet/data'
import { type Did, type Handle, type Tid, tidFromMicros } from '@avocet/syntax'
import { ResyncError, type VerifiedOp } from '../src/index.ts'
import type { Action, Size } from './actions.ts'
import type { Clock } from './clock.ts'
import { type Content, makeContent, named, nameOfTree, readRecord, realRoot } from './records.ts'
import { createRelays, type Relay } from './relays.ts'
import { createSigning } from './signing.ts'

/** An account as it is. */
export type Account = {
  readonly did: Did
  host: number
  /** Which of its keys signs; the directory shows it from `published` on. */
  key: number
  published: number
  publishedHost: number
  /** It was on another host before. */
  hasMoved: boolean
  status: string
  /** When its status changed last, ms since the epoch. */
  changedAt: number
  /** Every handle it had; the last one is shown. */
  readonly handles: Handle[]
  rev: Tid | null
  data: CID
  readonly records: Map<string, Content>
}

/** A copy of a repo at a moment. */
export type Snapshot = {
  readonly did: Did
  readonly rev: Tid
  readonly data: CID
  readonly key: number
  readonly records: ReadonlyMap<string, Content>
}

/** A host of accounts. */
export type Host = {
  readonly url: string
  downUntil: number
  slowUntil: number
  skewMs: number
}

type WriteAction = Extract<Action, { do: 'write' }>

const encoder = new TextEncoder()

/** The collections that records are in. */
export const COLLECTIONS = ['app.example.a', 'app.example.b'] as const

/** Makes a network of so many accounts, hosts and relays. */
export function createNetwork(clock: Clock, size: Size) {
  const dataOf = size.archives ? realRoot : nameOfTree
  const empty = dataOf(new Map())
  const accounts: Account[] = Array.from({ length: size.accounts }, (_, i) => ({
    did: `did:web:account${i}.example` as Did,
    host: i % size.hosts,
    key: 0,
    published: 0,
    publishedHost: i % size.hosts,
    hasMoved: false,
    status: 'active',
    changedAt: clock.now(),
    handles: [`account${i}.example`],
    rev: null,
    data: empty,
    records: new Map<string, Content>(),
  }))
  const hosts: Host[] = Array.from({ length: size.hosts }, (_, i) => ({
    url: `https://host${i}.example`,
    downUntil: 0,
    slowUntil: 0,
    skewMs: 0,
  }))
  const byDid = new Map(accounts.map((account) => [account.did, account]))
  const mirror = { mode: 'fresh' as 'fresh' | 'stale' | 'html', copies: new Map<Did, Snapshot>() }
  const directory = {
    mode: 'ok' as 'ok' | 'not-found' | 'down',
    until: 0,
    handlesDownUntil: 0,
    wasSilent: false,
  }
  let counter = 0
  const { keyOf, sign, prover } = createSigning(() => counter++)
  const { relays, send, release } = createRelays(clock, size)

  const time = (): string => new Date(clock.now()).toISOString()

  const nextRev = (account: Account): Tid => {
    const micros = (clock.now() + hosts[account.host]!.skewMs) * 1000 + (counter++ % 1000)
    const rev = tidFromMicros(micros, 0)
    return account.rev !== null && rev <= account.rev ? bump(account.rev) : rev
  }

  const snapshot = ({ did, rev, data, key, records }: Account): Snapshot | null =>
    rev === null ? null : { did, rev, data, key, records: new Map(records) }

  /** A commit of one operation on one of a few records. */
  const write = ({ account: number, record, damage, content }: Omit<WriteAction, 'do'>): void => {
    const account = accounts[number]!
    if (account.status !== 'active') return
    const collection = COLLECTIONS[record % 2]!
    const rkey = `r${record >> 1}`
    const path = `${collection}/${rkey}`
    const before = account.records.get(path)?.cid ?? null
    const made = before !== null && counter % 3 === 0 ? null : makeContent(counter++, content)
    // The same once more makes no commit.
    if (made !== null && formatCid(made.cid) === (before && formatCid(before))) return
    const since = account.rev
    const prevData = since === null ? null : account.data
    account.rev = nextRev(account)
    if (made === null) account.records.delete(path)
    else account.records.set(path, made)
    account.data = dataOf(account.records)
    if (mirror.mode === 'fresh') mirror.copies.set(account.did, snapshot(account)!)
    const action = made === null ? 'delete' : before === null ? 'create' : 'update'
    const cid = made?.cid ?? null
    const op: VerifiedOp = { action, path, collection, rkey, cid, prev: before, ...readRecord(made) }
    const commit = sign(account, prevData, [op])
    const body = {
      repo: account.did,
      rev: account.rev,
      since: damage === 'malformed' ? 'bad' : since,
      commit,
      ...(prevData === null ? {} : { prevData }),
      blocks: NO_BYTES,
      ops: [{ action, path, cid, ...(before === null ? {} : { prev: before }) }],
      tooBig: damage === 'too-big',
      rebase: false,
      blobs: [],
      time: time(),
    } as DataObject
    send(account, '#commit', body, damage === 'dropped')
  }

  /** A relay sends a commit of the account that nobody signed. */
  const forge = (account: Account, relay: Relay): void => {
    if (account.rev === null) return
    const rev = bump(account.rev)
    const forged = { ...account, rev, data: named(`forged ${counter++}`), key: -1 }
    const commit = sign(forged, account.data, [])
    const body = { repo: account.did, rev, since: account.rev, commit, prevData: account.data, time: time() }
    const rest = { blocks: NO_BYTES, ops: [], tooBig: false, rebase: false, blobs: [] }
    const { known } = relay
    const shown = known.get(account.did)
    send(account, '#commit', { ...body, ...rest } as DataObject, false, (other) => other === relay)
    if (shown !== undefined && relay.lagUntil <= clock.now()) known.set(account.did, shown)
  }

  const accountBody = (did: Did, status: string): DataObject =>
    ({
      did,
      active: status === 'active',
      ...(status === 'active' ? {} : { status }),
      time: time(),
    }) as DataObject
  const tellAccount = (account: Account, silent: boolean): void =>
    send(account, '#account', accountBody(account.did, account.status), silent)
  /** A relay says of the account what its host never said, in an event and in its list. */
  const lie = (account: Account, relay: Relay, status: string): void => {
    const { did, host, rev } = account
    send({ did, host, rev, status }, '#account', accountBody(did, status), false, (other) => other === relay)
  }
  const tellIdentity = (account: Account): void =>
    send(account, '#identity', { did: account.did, time: time() } as DataObject)
  const tellSync = (account: Account): void => {
    if (account.rev === null) return
    const commit = sign(account, null, [])
    const blocks = encoder.encode(formatCid(commit))
    send(account, '#sync', { did: account.did, rev: account.rev, blocks, time: time() } as DataObject)
  }

  /** The account is at another host from now on. What the one before says of it then, it says itself. */
  const move = (account: Account, host: number, old: string | undefined): void => {
    const { did, host: before, status } = account
    if (before === host) return
    account.hasMoved = true
    account.host = host
    // Who is a source says what it has from now on: also who had the account once, and said then that it had not any more.
    send(account, '#account', accountBody(did, status), false, (relay) => relay.host === host)
    // And who has it no more: nobody else would tell those who only listen to that host.
    const word = status === 'active' ? (old ?? 'deactivated') : 'deleted'
    const shown = { did, host: before, rev: null, status: word }
    send(shown, '#account', accountBody(did, word), false, (relay) => relay.host === before)
  }

  const setStatus = (account: Account, status: string, silent: boolean): void => {
    if (account.status === status || account.status === 'deleted') return
    account.status = status
    account.changedAt = clock.now()
    if (status === 'deleted') {
      account.records.clear()
      account.rev = null
      account.data = empty
      mirror.copies.delete(account.did)
    }
    tellAccount(account, silent)
    if (status === 'active' && !silent) tellSync(account)
  }

  /** The host that a URL names answers about an account, or does not. @throws ResyncError */
  const at = (url: string | null, did: Did): Account => {
    const host = hosts.findIndex((item) => item.url === url)
    if (host === -1 || hosts[host]!.downUntil > clock.now())
      throw new ResyncError('fetch-failed', 'host is down')
    const account = byDid.get(did)!
    if (account.host !== host) throw new ResyncError('repo-deactivated', 'moved away')
    return account
  }

  /** How long a host takes at most until it answers, ms. */
  const slownessOf = (url: string | null): number => {
    const host = hosts.find((item) => item.url === url)
    return host !== undefined && host.slowUntil > clock.now() ? 120_000 : 1500
  }

  return {
    accounts,
    hosts,
    slownessOf,
    relays,
    mirror,
    directory,
    prover,
    keyOf,
    write,
    forge,
    lie,
    setStatus,
    move,
    tellIdentity,
    snapshot,
    byDid,
    at,
    rename(account: Account): void {
      account.handles.push(`renamed${counter++}.example`)
      tellIdentity(account)
    },
    release,
    /** All works again but the mirror, which nobody has to rely on. */
    recover(): void {
      for (const relay of relays) {
        release(relay)
        relay.downUntil = 0
      }
      directory.until = directory.handlesDownUntil = 0
      for (const host of hosts) host.downUntil = host.slowUntil = host.skewMs = 0
    },
  }
}

/** A network. */
export type Network = ReturnType<typeof createNetwork>

const NO_BYTES = new Uint8Array(0)

const ALPHABET = '234567abcdefghijklmnopqrstuvwxyz'

/** The next TID. */
function bump(rev: Tid): Tid {
  for (let i = rev.length - 1; i > 0; i--) {
    const at = ALPHABET.indexOf(rev[i]!)
    if (at < 31) return rev.slice(0, i) + ALPHABET[at + 1] + '2'.repeat(rev.length - i - 1)
  }
  return rev
}
