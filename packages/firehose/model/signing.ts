// Commits and signatures of a simulation: names that stand for them, and the prover that knows what each name stands for.

import type { PublicKey } from '@avocet/crypto'
import { type CID, formatCid } from '@avocet/data'
import type { Did, Tid } from '@avocet/syntax'
import type { Checked, CommitProof, FailureReason, Prover, SyncProof, VerifiedOp } from '../src/index.ts'
import { named } from './records.ts'

type Signed = {
  readonly did: Did
  readonly rev: Tid
  readonly data: CID
  readonly prevData: CID | null
  readonly key: number
  readonly ops: readonly VerifiedOp[]
}

/** What is signed, beside what it follows. */
export type Head = { readonly did: Did; readonly rev: Tid | null; readonly data: CID; readonly key: number }

/** Makes the keys of a network, and all that was ever signed with them. @param count a new number each time */
export function createSigning(count: () => number) {
  const signed = new Map<string, Signed>()
  const keys = new Map<string, PublicKey>()

  const keyOf = (did: Did, key: number): PublicKey => {
    const name = `${did} ${key}`
    const known = keys.get(name)
    if (known !== undefined) return known
    const made: PublicKey = { curve: 'k256', bytes: encoder.encode(name) }
    keys.set(name, made)
    return made
  }

  /** The CID of a new commit. */
  const sign = (head: Head, prevData: CID | null, ops: readonly VerifiedOp[]): CID => {
    const { did, rev, data, key } = head
    const commit = named(`commit ${did} ${rev} ${key} ${count()}`)
    signed.set(formatCid(commit), { did, rev: rev!, data, prevData, key, ops })
    return commit
  }

  const prover: Prover = {
    prove(event, key): Checked<CommitProof> {
      const found = signed.get(formatCid(event.commit))!
      if (key !== keyOf(event.did, found.key)) return refusal('signature-invalid')
      if (found.ops.some(({ unread }) => unread === 'malformed')) return refusal('record-malformed')
      return { ok: true, value: { ops: found.ops, legacy: false, data: found.data } }
    },
    proveSync(event, key): Checked<SyncProof> {
      const found = signed.get(new TextDecoder().decode(event.blocks))!
      if (key !== keyOf(event.did, found.key)) return refusal('signature-invalid')
      return { ok: true, value: { commit: named(event.rev), data: found.data } }
    },
  }

  return { keyOf, sign, prover }
}

const encoder = new TextEncoder()

const refusal = (
  reason: FailureReason,
): { ok: false; error: { reason: FailureReason; message: string; did: null; seq: null } } => ({
  ok: false,
  error: { reason, message: 'not proved', did: null, seq: null },
})
