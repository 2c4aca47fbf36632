import {
  DEFAULT_POLICY,
  newRepo,
  parseEvent,
  type RepoState,
  type Verdict,
  verifyEvent,
} from '@avocet/firehose'
import type { Did } from '@avocet/syntax'
import type { Accounts } from './keys.ts'

/** What the page shows of one frame. */
export type Row = {
  readonly number: number
  readonly seq: number | null
  readonly type: string
  readonly did: string | null
  readonly handle: string | null
  readonly operations: readonly string[]
  readonly outcome: Verdict['outcome']
  /** The reason of a verdict that is not `accepted`, or the flags of one that is. */
  readonly reason: string
  readonly message: string
}

/** Judges the frames of one capture one after the other: each against the head that the one before it left. */
export class Judge {
  readonly #accounts: Accounts
  readonly #repos = new Map<Did, RepoState>()
  #number = 0

  constructor(accounts: Accounts) {
    this.#accounts = accounts
  }

  async judge(frame: Uint8Array): Promise<Row> {
    const number = ++this.#number
    const parsed = parseEvent(frame, DEFAULT_POLICY)
    if (!parsed.ok) {
      const { reason, message, did, seq } = parsed.error
      const outcome = reason === 'frame-unknown-type' ? 'ignored' : 'refused'
      return { number, seq, type: '?', did, handle: null, operations: [], outcome, reason, message }
    }
    const event = parsed.value
    const did = event.kind === 'info' ? null : event.did
    const signed = event.kind === 'commit' || event.kind === 'sync'
    const account = did !== null && signed ? await this.#accounts.find(did) : null
    const shown = {
      number,
      seq: event.kind === 'info' ? null : event.seq,
      type: `#${event.kind}`,
      did,
      handle: account?.handle ?? null,
      operations: event.kind === 'commit' ? event.ops.map(({ action, path }) => `${action} ${path}`) : [],
    }
    if (signed && account === null) {
      const message = 'no DID document of the account is at hand'
      return { ...shown, outcome: 'desynchronized', reason: 'identity-unresolved', message }
    }
    const repo = did === null ? null : (this.#repos.get(did) ?? null)
    const verdict = verifyEvent({ frame: event, key: account?.key ?? null, repo, now: Date.now() })
    if (verdict.outcome !== 'accepted') {
      return { ...shown, outcome: verdict.outcome, reason: verdict.reason, message: verdict.message }
    }
    if (verdict.head !== null) {
      const { did: owner, rev, data } = verdict.head
      this.#repos.set(owner, { ...newRepo(owner), rev, data })
    }
    const reason = verdict.event.kind === 'commit' ? verdict.event.flags.join(', ') : ''
    return { ...shown, outcome: 'accepted', reason, message: '' }
  }
}
