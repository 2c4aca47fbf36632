// https://web.plc.directory/spec/v0.1/did-plc#key-rotation--account-recovery and #audit-logs
import { parseDidKey, verifySignature, type PublicKey, type VerifySignature } from '@avocet/crypto'
import type { Did } from '@avocet/syntax'
import { decodeSignature, didForOperation, encodeOperation, operationCid, signedBytes } from './encoding.ts'
import { operationData } from './document.ts'
import { fail, type PlcResult } from './error.ts'
import { normalizeOperation } from './operation.ts'
import { MAX_OPERATION_BYTES } from './parse.ts'
import type { LogEntry, PlcData, SignedOperation } from './types.ts'

/** How long a key of higher authority can rewrite what one of lower authority signed: 72 hours, in milliseconds. */
export const RECOVERY_WINDOW_MS = 259_200_000

/** An operation in the history of a DID. */
export interface HistoryEntry {
  readonly operation: SignedOperation
  readonly cid: string
  /** When the directory accepted it, in milliseconds since 1970. */
  readonly createdAt: number
}

/** What accepting an operation does to the history. */
export interface Acceptance {
  readonly cid: string
  /** The history afterwards is the first `keep` entries and the new one. */
  readonly keep: number
  /** CIDs of the operations it takes out, oldest first; empty but for a recovery. */
  readonly nullified: readonly string[]
}

/** Something a directory would not accept today that old logs are known to hold. */
export interface LogWarning {
  readonly code: 'oversize-operation' | 'duplicate-rotation-keys' | 'no-rotation-keys'
  readonly cid: string
}

/** A log that holds. */
export interface VerifiedLog {
  /** The present state; null when the DID is tombstoned. */
  readonly data: PlcData | null
  /** CID of the newest operation of the history. */
  readonly head: string
  /** The history: nullified operations left out. */
  readonly history: readonly HistoryEntry[]
  readonly warnings: readonly LogWarning[]
}

/** Options of the functions that check signatures. */
export interface VerifyOptions {
  /** The signature check; default that of @avocet/crypto. */
  readonly verify?: VerifySignature
}

/**
 * Whether `operation` may follow `history` (nullified operations left out, oldest first; empty for a genesis) at the
 * time `at`: hash of the genesis, order, signature by a key of enough authority, recovery window.
 *
 * Fails with `genesis-mismatch`, `misordered`, `invalid-signature`, `late-recovery` or `tombstoned`.
 */
export function checkNextOperation(
  did: Did,
  history: readonly HistoryEntry[],
  operation: SignedOperation,
  at: number,
  options: VerifyOptions = {},
): PlcResult<Acceptance> {
  return createChecker(options).next(did, history, operation, at)
}

/**
 * Verifies the operations of a DID as `GET /:did/log` gives them: one chain without nullified operations, so times and
 * recoveries cannot be checked. Use {@link verifyAuditLog} for the whole truth.
 *
 * Fails with `empty-log` or a code of {@link checkNextOperation}.
 */
export function verifyLog(
  did: Did,
  operations: readonly SignedOperation[],
  options: VerifyOptions = {},
): PlcResult<VerifiedLog> {
  const checker = createChecker(options)
  const history: HistoryEntry[] = []
  for (const operation of operations) {
    const last = history.at(-1)
    if (last !== undefined && operation.prev !== last.cid) {
      return fail('misordered', `operation does not follow the one before; did=${did} prev=${operation.prev}`)
    }
    const accepted = checker.next(did, history, operation, 0)
    if (!accepted.ok) return accepted
    history.push({ operation, cid: accepted.value.cid, createdAt: 0 })
  }
  return conclude(did, history, history)
}

/**
 * Verifies the audit log of a DID, every operation ever accepted with its time: CIDs, signatures, order, key authority,
 * the 72-hour window, and that exactly the right operations are marked as nullified.
 *
 * Fails with `empty-log`, `cid-mismatch`, `time-order`, `nullification-mismatch` or a code of {@link checkNextOperation}.
 */
export function verifyAuditLog(
  did: Did,
  entries: readonly LogEntry[],
  options: VerifyOptions = {},
): PlcResult<VerifiedLog> {
  const checker = createChecker(options)
  let history: HistoryEntry[] = []
  const all: HistoryEntry[] = []
  for (const entry of entries) {
    const createdAt = Date.parse(entry.createdAt)
    if (entry.did !== did) return fail('misordered', `log holds another DID; did=${did} other=${entry.did}`)
    if (!(createdAt >= (all.at(-1)?.createdAt ?? -Infinity))) {
      return fail('time-order', `log entry is older than the one before; did=${did} cid=${entry.cid}`)
    }
    const accepted = checker.next(did, history, entry.operation, createdAt)
    if (!accepted.ok) return accepted
    if (accepted.value.cid !== entry.cid) {
      return fail('cid-mismatch', `CID is not that of the operation; did=${did} cid=${entry.cid}`)
    }
    const added = { operation: entry.operation, cid: entry.cid, createdAt }
    all.push(added)
    history = [...history.slice(0, accepted.value.keep), added]
  }
  const kept = new Set(history.map((entry) => entry.cid))
  const wrong = entries.find((entry) => entry.nullified === kept.has(entry.cid))
  if (wrong !== undefined) {
    return fail('nullification-mismatch', `nullified is wrong; did=${did} cid=${wrong.cid}`)
  }
  return conclude(did, history, all)
}

function conclude(
  did: Did,
  history: readonly HistoryEntry[],
  all: readonly HistoryEntry[],
): PlcResult<VerifiedLog> {
  const last = history.at(-1)
  if (last === undefined) return fail('empty-log', `log is empty; did=${did}`)
  const warnings = all.flatMap(warningsOf)
  return { ok: true, value: { data: operationData(did, last.operation), head: last.cid, history, warnings } }
}

function warningsOf({ operation, cid }: HistoryEntry): LogWarning[] {
  const warnings: LogWarning[] = []
  if (encodeOperation(operation).length > MAX_OPERATION_BYTES)
    warnings.push({ code: 'oversize-operation', cid })
  if (operation.type !== 'plc_operation') return warnings
  const { rotationKeys } = operation
  if (rotationKeys.length === 0) warnings.push({ code: 'no-rotation-keys', cid })
  if (new Set(rotationKeys).size !== rotationKeys.length)
    warnings.push({ code: 'duplicate-rotation-keys', cid })
  return warnings
}

interface Checker {
  next(
    did: Did,
    history: readonly HistoryEntry[],
    operation: SignedOperation,
    at: number,
  ): PlcResult<Acceptance>
}

/** A checker parses each key once, however many operations it signs. */
function createChecker({ verify = verifySignature }: VerifyOptions): Checker {
  const keys = new Map<string, PublicKey | null>()
  let lastSigner: string | undefined

  const keyOf = (didKey: string): PublicKey | null => {
    let key = keys.get(didKey)
    if (key === undefined) {
      const parsed = parseDidKey(didKey)
      key = parsed.ok ? parsed.value : null
      keys.set(didKey, key)
    }
    return key
  }

  const verifierOf = (operation: SignedOperation): ((didKey: string) => boolean) => {
    const signature = decodeSignature(operation.sig)
    if (signature === null) return () => false
    const bytes = signedBytes(operation)
    return (didKey) => {
      const key = keyOf(didKey)
      return key !== null && verify(key, bytes, signature)
    }
  }

  /**
   * Index of the first of these keys that signed the operation; -1 for none. Order matters: two keys can be made that
   * one signature fits, and the authority of the higher one counts.
   */
  const signerOf = (operation: SignedOperation, allowed: readonly string[]): number =>
    allowed.findIndex(verifierOf(operation))

  /** Whether any of these keys signed it. The one that signed the last operation is tried first: mostly it is that. */
  const isSigned = (operation: SignedOperation, allowed: readonly string[]): boolean => {
    const fits = verifierOf(operation)
    const likely = allowed.filter((key) => key === lastSigner)
    const signer = [...likely, ...allowed.filter((key) => key !== lastSigner)].find(fits)
    lastSigner = signer ?? lastSigner
    return signer !== undefined
  }

  const genesis = (did: Did, operation: SignedOperation): PlcResult<Acceptance> => {
    const regular = normalizeOperation(operation)
    if (regular === null || operation.prev !== null) {
      return fail('misordered', `first operation is not a genesis; did=${did} type=${operation.type}`)
    }
    const made = didForOperation(operation)
    if (made !== did) return fail('genesis-mismatch', `genesis makes another DID; did=${did} made=${made}`)
    if (!isSigned(operation, regular.rotationKeys)) {
      return fail('invalid-signature', `genesis is not signed by one of its rotation keys; did=${did}`)
    }
    return { ok: true, value: { cid: operationCid(operation), keep: 0, nullified: [] } }
  }

  const next: Checker['next'] = (did, history, operation, at) => {
    if (history.length === 0) return genesis(did, operation)
    const index =
      operation.prev === null ? -1 : history.findLastIndex((entry) => entry.cid === operation.prev)
    const last = history[index]
    if (last === undefined) {
      return fail('misordered', `prev is not an operation of the history; did=${did} prev=${operation.prev}`)
    }
    const before = normalizeOperation(last.operation)
    if (before === null) return fail('tombstoned', `no operation can follow a tombstone; did=${did}`)
    const disputed = history[index + 1]
    let allowed = before.rotationKeys
    if (disputed !== undefined) {
      // Only keys above the one that signed the first operation to go; none if it was the highest.
      allowed = allowed.slice(0, Math.max(0, signerOf(disputed.operation, allowed)))
    }
    if (!isSigned(operation, allowed)) {
      const why = disputed === undefined ? 'a rotation key' : 'a rotation key of higher authority'
      return fail('invalid-signature', `operation is not signed by ${why}; did=${did}`)
    }
    if (disputed !== undefined && at - disputed.createdAt > RECOVERY_WINDOW_MS) {
      return fail(
        'late-recovery',
        `recovery came after the 72 hours; did=${did} ms=${at - disputed.createdAt}`,
      )
    }
    const nullified = history.slice(index + 1).map((entry) => entry.cid)
    return { ok: true, value: { cid: operationCid(operation), keep: index + 1, nullified } }
  }

  return { next }
}
