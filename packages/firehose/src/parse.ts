// Step 1: a frame's bytes to a typed event. Nothing here is authenticated yet.
// Spec: https://atproto.com/specs/event-stream, lexicon com.atproto.sync.subscribeRepos

import { type CID, type DataObject, type DataValue, isCid } from '@avocet/data'
import { type Did, isDatetime, isDid, isTid, type Tid } from '@avocet/syntax'
import { decodeFrame } from '@avocet/xrpc'
import type { VerifyPolicy } from './policy.ts'
import type { FailureReason } from './reasons.ts'

/** An operation as the envelope claims it. */
export type ClaimedOp = {
  readonly action: 'create' | 'update' | 'delete'
  readonly path: string
  readonly cid: CID | null
  /** undefined: not given. */
  readonly prev: CID | undefined
}

/** A `#commit`, as claimed. */
export type ParsedCommit = {
  readonly kind: 'commit'
  readonly seq: number
  readonly did: Did
  readonly rev: Tid
  readonly since: Tid | null
  readonly time: string
  readonly commit: CID
  /** undefined: not given. */
  readonly prevData: CID | undefined
  readonly blocks: Uint8Array
  readonly ops: readonly ClaimedOp[]
}
/** A `#sync`, as claimed. */
export type ParsedSync = {
  readonly kind: 'sync'
  readonly seq: number
  readonly did: Did
  readonly rev: Tid
  readonly time: string
  readonly blocks: Uint8Array
}
/** An `#identity`, as claimed. */
export type ParsedIdentity = {
  readonly kind: 'identity'
  readonly seq: number
  readonly did: Did
  readonly time: string
  /** As the envelope claims it; to be verified by resolution. */
  readonly handle: string | null
}
/** An `#account`, as claimed. */
export type ParsedAccount = {
  readonly kind: 'account'
  readonly seq: number
  readonly did: Did
  readonly time: string
  readonly active: boolean
  readonly status: string | null
}
/** An `#info`. */
export type ParsedInfo = { readonly kind: 'info'; readonly name: string; readonly message: string | null }

/** A frame's content, its fields checked one by one but not authenticated. */
export type ParsedEvent = ParsedCommit | ParsedSync | ParsedIdentity | ParsedAccount | ParsedInfo

/** Why something failed, and what is known of whose it was. */
export type Failure = {
  readonly reason: FailureReason
  readonly message: string
  readonly did: Did | null
  readonly seq: number | null
  /** The rev that the event claims, where it has one. */
  readonly rev?: Tid
}

/** What a step of the verification answers. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: Failure }

/**
 * Reads one WebSocket message. Sizes are checked before anything is decoded; unknown fields are ignored; deprecated ones
 * (`rebase`, `blobs`) are not asked for.
 */
export function parseEvent(frame: Uint8Array, policy: VerifyPolicy): Checked<ParsedEvent> {
  if (frame.length > policy.maxFrameBytes) {
    return fail('frame-too-big', `frame too big; bytes=${frame.length} max=${policy.maxFrameBytes}`)
  }
  const decoded = decodeFrame(frame, { maxBytes: policy.maxFrameBytes, maxItems: policy.maxEnvelopeItems })
  if (!decoded.ok) {
    const { code } = decoded.error
    const reason =
      code === 'unknown-op'
        ? 'frame-unknown-type'
        : code === 'too-many-items'
          ? 'too-costly'
          : 'frame-malformed'
    return fail(reason, decoded.error.message)
  }
  if (decoded.value.kind === 'error') {
    const { error, message } = decoded.value
    return fail('stream-error', message === undefined ? error : `${error}: ${message}`)
  }
  const { type, body } = decoded.value
  switch (type) {
    case '#commit':
      return withHead(body, 'repo', (head) => parseCommit(body, head, policy))
    case '#sync':
      return withHead(body, 'did', (head) => parseSync(body, head, policy))
    case '#identity':
      return withHead(body, 'did', (head) => parseIdentity(body, head))
    case '#account':
      return withHead(body, 'did', (head) => parseAccount(body, head))
    case '#info':
      return parseInfo(body)
    default:
      return fail('frame-unknown-type', `unknown message type; t=${type.slice(0, 64)}`, null, seqOf(body))
  }
}

/** A failed step. */
export function fail<T>(
  reason: FailureReason,
  message: string,
  did: Did | null = null,
  seq: number | null = null,
): Checked<T> {
  return { ok: false, error: { reason, message, did, seq } }
}

type Head = { readonly seq: number; readonly did: Did; readonly time: string }

function seqOf(body: DataObject): number | null {
  const { seq } = body
  return typeof seq === 'number' && seq >= 0 ? seq : null
}

/** What all events about an account have: seq, DID (under its name in this event), time. */
function withHead<T>(
  body: DataObject,
  didField: 'repo' | 'did',
  then: (head: Head) => Checked<T>,
): Checked<T> {
  const seq = seqOf(body)
  if (seq === null) return fail('envelope-malformed', 'seq is not a non-negative integer')
  const did = body[didField]
  if (!isDid(did)) return fail('did-invalid', `${didField} is not a DID`, null, seq)
  const { time } = body
  if (!isDatetime(time)) return fail('time-invalid', 'time is not a datetime', did, seq)
  return then({ seq, did, time })
}

function parseCommit(body: DataObject, head: Head, policy: VerifyPolicy): Checked<ParsedCommit> {
  const { seq, did, time } = head
  const { rev, since, commit, prevData, blocks } = body
  const refuse = (reason: FailureReason, message: string): Checked<ParsedCommit> => ({
    ok: false,
    error: { reason, message, did, seq, ...(isTid(rev) ? { rev } : {}) },
  })
  if (!isTid(rev)) return refuse('rev-invalid', 'rev is not a TID')
  if (since !== null && since !== undefined && !isTid(since)) {
    return refuse('since-invalid', 'since is neither null nor a TID')
  }
  if (body['tooBig'] === true) return refuse('too-big-flag', 'commit is marked tooBig: it carries no content')
  if (!isCid(commit)) return refuse('envelope-malformed', 'commit is not a link')
  if (prevData !== undefined && prevData !== null && !isCid(prevData)) {
    return refuse('envelope-malformed', 'prevData is not a link')
  }
  if (!(blocks instanceof Uint8Array)) return refuse('envelope-malformed', 'blocks is not a byte string')
  if (blocks.length > policy.maxBlocksBytes) {
    return refuse('blocks-too-big', `blocks too big; bytes=${blocks.length} max=${policy.maxBlocksBytes}`)
  }
  if (!Array.isArray(body['ops'])) return refuse('envelope-malformed', 'ops is not a list')
  if (body['ops'].length > policy.maxOps) {
    return refuse('too-many-ops', `too many operations; ops=${body['ops'].length} max=${policy.maxOps}`)
  }
  const ops: ClaimedOp[] = []
  for (const claimed of body['ops']) {
    const op = parseOp(claimed)
    if (typeof op === 'string') return refuse('op-malformed', op)
    ops.push(op)
  }
  return {
    ok: true,
    value: {
      kind: 'commit',
      seq,
      did,
      rev,
      since: since ?? null,
      time,
      commit,
      prevData: prevData ?? undefined,
      blocks,
      ops,
    },
  }
}

/** The shape of an operation: `cid` on create and update only, `prev` never on create. A message when it is wrong. */
function parseOp(op: DataValue): ClaimedOp | string {
  if (!isObject(op)) return 'operation is not an object'
  const { action, path, cid, prev } = op
  if (action !== 'create' && action !== 'update' && action !== 'delete') return 'unknown action'
  if (typeof path !== 'string') return 'path is not a string'
  if (prev !== undefined && prev !== null && !isCid(prev)) return `prev is not a link; action=${action}`
  if (action === 'delete') {
    if (cid !== null && cid !== undefined) return 'delete with a cid'
    return { action, path, cid: null, prev: prev ?? undefined }
  }
  if (!isCid(cid)) return `${action} without a cid`
  if (action === 'create' && prev) return 'create with prev'
  return { action, path, cid, prev: prev ?? undefined }
}

function parseSync(body: DataObject, head: Head, policy: VerifyPolicy): Checked<ParsedSync> {
  const { seq, did, time } = head
  const { rev, blocks } = body
  if (!isTid(rev)) return fail('rev-invalid', 'rev is not a TID', did, seq)
  if (!(blocks instanceof Uint8Array)) {
    return fail('envelope-malformed', 'blocks is not a byte string', did, seq)
  }
  if (blocks.length > policy.maxSyncBytes) {
    return fail(
      'blocks-too-big',
      `blocks too big; bytes=${blocks.length} max=${policy.maxSyncBytes}`,
      did,
      seq,
    )
  }
  return { ok: true, value: { kind: 'sync', seq, did, rev, time, blocks } }
}

function parseIdentity(body: DataObject, head: Head): Checked<ParsedIdentity> {
  const { handle } = body
  if (handle !== undefined && handle !== null && typeof handle !== 'string') {
    return fail('envelope-malformed', 'handle is not a string', head.did, head.seq)
  }
  return { ok: true, value: { kind: 'identity', ...head, handle: handle ?? null } }
}

function parseAccount(body: DataObject, head: Head): Checked<ParsedAccount> {
  const { active, status } = body
  if (typeof active !== 'boolean') {
    return fail('envelope-malformed', 'active is not a boolean', head.did, head.seq)
  }
  if (status !== undefined && status !== null && typeof status !== 'string') {
    return fail('envelope-malformed', 'status is not a string', head.did, head.seq)
  }
  return { ok: true, value: { kind: 'account', ...head, active, status: status ?? null } }
}

function parseInfo(body: DataObject): Checked<ParsedInfo> {
  const { name, message } = body
  if (typeof name !== 'string') return fail('envelope-malformed', 'info without a name')
  return { ok: true, value: { kind: 'info', name, message: typeof message === 'string' ? message : null } }
}

function isObject(value: DataValue): value is DataObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !isCid(value)
  )
}
