import { createKeypair, type Keypair } from '@avocet/crypto'
import { describe, expect, it } from 'vitest'
import {
  checkNextOperation,
  didForOperation,
  operationCid,
  RECOVERY_WINDOW_MS,
  signOperation,
  tombstoneOperation,
  updateOperation,
  verifyAuditLog,
  verifyLog,
  type LogEntry,
  type SignedOperation,
} from '../src/index.ts'
import { createAccount, HOUR, logEntry, START } from './support.ts'

const account = await createAccount()
const { did, genesis, recovery, rotation } = account

const rename = (previous: SignedOperation, handle: string, signer: Keypair) =>
  signOperation(updateOperation(previous, { handle }), signer)

const second = await rename(genesis, 'second.test', rotation)
const third = await rename(second, 'third.test', rotation)
const recovered = await rename(genesis, 'mine.test', recovery)
const tombstone = await signOperation(tombstoneOperation(genesis), rotation)

const other = await createAccount()
const byStranger = await rename(genesis, 'x.test', createKeypair())
const bySigningKey = await rename(genesis, 'x.test', account.signing)

const code = (result: { ok: boolean; error?: { code: string } }): string => result.error?.code ?? 'ok'

describe('verifyLog', () => {
  it('gives the state after the newest operation', () => {
    expect(verifyLog(did, [genesis, second, third])).toMatchObject({
      ok: true,
      value: { data: { did, alsoKnownAs: ['at://third.test'] }, head: operationCid(third), warnings: [] },
    })
    expect(verifyLog(did, [genesis, tombstone])).toMatchObject({
      ok: true,
      value: { data: null, warnings: [] },
    })
  })

  it.each<[string, SignedOperation[], string]>([
    ['nothing', [], 'empty-log'],
    ['no genesis', [second], 'misordered'],
    ['a tombstone first', [tombstone], 'misordered'],
    ['a gap', [genesis, third], 'misordered'],
    ['a fork', [genesis, second, recovered], 'misordered'],
    ['an operation after a tombstone', [genesis, tombstone, second], 'misordered'],
    ['another genesis', [other.genesis], 'genesis-mismatch'],
    ['a stranger’s signature', [genesis, byStranger], 'invalid-signature'],
    ['the signing key’s signature', [genesis, bySigningKey], 'invalid-signature'],
    ['a changed operation', [genesis, { ...second, alsoKnownAs: ['at://evil.test'] }], 'invalid-signature'],
  ])('refuses %s', (_, operations, expected) => {
    expect(code(verifyLog(did, operations))).toBe(expected)
  })

  it.each([
    ['padding', (sig: string) => `${sig}==`],
    ['a line break', (sig: string) => `${sig}\n`],
    [
      'stray bits in the last character',
      (sig: string) => sig.slice(0, -1) + String.fromCharCode(sig.charCodeAt(85) + 1),
    ],
    ['one byte more', (sig: string) => `${sig}AA`],
    ['the plain base64 alphabet', (sig: string) => `+${sig.slice(1)}`],
    ['too few bytes', (sig: string) => sig.slice(0, -2)],
    ['nothing', () => ''],
  ])('refuses a signature with %s', (_, spoil) => {
    expect(code(verifyLog(did, [genesis, { ...second, sig: spoil(second.sig) }]))).toBe('invalid-signature')
  })

  it('refuses a high-S signature', () => {
    const order = 0xffffffff_ffffffff_ffffffff_fffffffe_baaedce6_af48a03b_bfd25e8c_d0364141n
    const bytes = Buffer.from(second.sig, 'base64url')
    const s = BigInt(`0x${bytes.subarray(32).toString('hex')}`)
    const high = Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex')
    const sig = Buffer.concat([bytes.subarray(0, 32), high]).toString('base64url')
    expect(code(verifyLog(did, [genesis, { ...second, sig }]))).toBe('invalid-signature')
  })
})

describe('a genesis', () => {
  const claim = async (signer: Keypair, change: object = {}): Promise<string> => {
    const { sig: _, ...unsigned } = genesis
    const forged = await signOperation({ ...unsigned, ...change }, signer)
    const own = didForOperation(forged)
    expect(code(verifyAuditLog(own, [logEntry(own as never, forged, 0)]))).toBe(
      code(verifyLog(own, [forged])),
    )
    return code(verifyLog(own, [forged]))
  }

  it('is signed by one of its own rotation keys, whichever', async () => {
    expect(await claim(recovery)).toBe('ok')
    expect(await claim(rotation)).toBe('ok')
    expect(await claim(account.signing)).toBe('invalid-signature')
    expect(await claim(createKeypair())).toBe('invalid-signature')
    expect(await claim(rotation, { rotationKeys: [] })).toBe('invalid-signature')
    expect(await claim(rotation, { rotationKeys: ['did:key:zx', rotation.didKey] })).toBe('ok')
    expect(await claim(rotation, { rotationKeys: ['did:key:zx'] })).toBe('invalid-signature')
  })

  it('follows nothing', async () => {
    expect(await claim(rotation, { prev: operationCid(second) })).toBe('misordered')
  })

  it('counts only with a signature that is covered by the DID', () => {
    const { sig } = genesis
    const changed = { ...genesis, sig: sig.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')) }
    expect(code(verifyLog(did, [changed]))).toBe('genesis-mismatch')
    expect(code(verifyLog(didForOperation(changed), [changed]))).toBe('invalid-signature')
  })
})

describe('recovery', () => {
  const history = [
    { operation: genesis, cid: operationCid(genesis), createdAt: START },
    { operation: second, cid: operationCid(second), createdAt: START + HOUR },
    { operation: third, cid: operationCid(third), createdAt: START + 2 * HOUR },
  ]
  const next = (operation: SignedOperation, at: number) => checkNextOperation(did, history, operation, at)

  it('nullifies what a lower key signed after the fork', () => {
    expect(next(recovered, START + 3 * HOUR)).toEqual({
      ok: true,
      value: {
        cid: operationCid(recovered),
        keep: 1,
        nullified: [operationCid(second), operationCid(third)],
      },
    })
  })

  it('ends exactly 72 hours after the first operation it would nullify', () => {
    expect(code(next(recovered, START + HOUR + RECOVERY_WINDOW_MS))).toBe('ok')
    expect(code(next(recovered, START + HOUR + RECOVERY_WINDOW_MS + 1))).toBe('late-recovery')
  })

  it('takes neither the same key nor a lower one', async () => {
    expect(code(next(await rename(genesis, 'x.test', rotation), START + 3 * HOUR))).toBe('invalid-signature')
    const byHighest = [history[0]!, { ...history[1]!, operation: recovered, cid: operationCid(recovered) }]
    const lower = await rename(genesis, 'x.test', rotation)
    expect(code(checkNextOperation(did, byHighest, lower, START + 3 * HOUR))).toBe('invalid-signature')
    const again = await rename(genesis, 'y.test', recovery)
    expect(code(checkNextOperation(did, byHighest, again, START + 3 * HOUR))).toBe('invalid-signature')
  })

  it('goes by the highest key that fits a signature', () => {
    // Two keys can be made that one signature fits: with all of them fitting, the disputed one has the highest authority.
    const fits = { verify: () => true }
    expect(code(checkNextOperation(did, history, recovered, START + 3 * HOUR, fits))).toBe(
      'invalid-signature',
    )
    expect(code(checkNextOperation(did, history.slice(0, 1), second, START + HOUR, fits))).toBe('ok')
    const none = { verify: () => false }
    expect(code(checkNextOperation(did, history.slice(0, 1), second, START + HOUR, none))).toBe(
      'invalid-signature',
    )
  })

  it('counts from the first operation to go, however many follow', () => {
    const late = [history[0]!, history[1]!, { ...history[2]!, createdAt: START + 100 * HOUR }]
    const at = (hours: number): string => code(checkNextOperation(did, late, recovered, START + hours * HOUR))
    expect([at(73), at(73 + 1 / 3600), at(101)]).toEqual(['ok', 'late-recovery', 'late-recovery'])
    // What is at the end needs no recovery: time does not matter there.
    expect(code(checkNextOperation(did, history.slice(0, 2), third, START + 1e9 * HOUR))).toBe('ok')
  })

  it('undoes a tombstone', () => {
    const ended = [
      history[0]!,
      { operation: tombstone, cid: operationCid(tombstone), createdAt: START + HOUR },
    ]
    expect(code(checkNextOperation(did, ended, recovered, START + 2 * HOUR))).toBe('ok')
    const after = { ...second, prev: operationCid(tombstone) }
    expect(code(checkNextOperation(did, ended, after, START + 2 * HOUR))).toBe('tombstoned')
  })

  it('does not follow an operation that was nullified', async () => {
    const recoveredHistory = [
      history[0]!,
      { operation: recovered, cid: operationCid(recovered), createdAt: START },
    ]
    const onNullified = await rename(second, 'x.test', recovery)
    expect(code(checkNextOperation(did, recoveredHistory, onNullified, START + HOUR))).toBe('misordered')
  })
})

describe('verifyAuditLog', () => {
  const good = [
    logEntry(did, genesis, 0),
    logEntry(did, second, 1, true),
    logEntry(did, third, 2, true),
    logEntry(did, recovered, 3),
  ]

  it('follows recoveries and gives the history in force', () => {
    const log = verifyAuditLog(did, good)
    expect(log).toMatchObject({ ok: true, value: { data: { alsoKnownAs: ['at://mine.test'] } } })
    expect(log.ok && log.value.history.map((entry) => entry.cid)).toEqual([good[0]!.cid, good[3]!.cid])
  })

  const change = (index: number, fields: Partial<LogEntry>): LogEntry[] =>
    good.with(index, { ...good[index]!, ...fields })

  it.each<[string, LogEntry[], string]>([
    ['a nullified operation that is not marked', change(1, { nullified: false }), 'nullification-mismatch'],
    ['an operation in force that is marked', change(3, { nullified: true }), 'nullification-mismatch'],
    ['a wrong CID', change(2, { cid: good[1]!.cid }), 'cid-mismatch'],
    ['another DID', change(2, { did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }), 'misordered'],
    ['times out of order', change(2, { createdAt: '2025-12-31T00:00:00.000Z' }), 'time-order'],
    ['a recovery after 72 hours', change(3, { createdAt: '2026-01-04T01:00:00.001Z' }), 'late-recovery'],
    ['a dropped operation', [good[0]!, good[2]!, good[3]!], 'misordered'],
    ['a time that is none', change(1, { createdAt: 'yesterday' }), 'time-order'],
    [
      'the time of a nullified operation passed over',
      change(3, { createdAt: good[1]!.createdAt }),
      'time-order',
    ],
    ['two operations of one millisecond', change(1, { createdAt: good[0]!.createdAt }), 'ok'],
    ['another DID first', change(0, { did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }), 'misordered'],
    ['nothing', [], 'empty-log'],
  ])('judges %s', (_, entries, expected) => {
    expect(code(verifyAuditLog(did, entries))).toBe(expected)
  })

  it('warns of what only old logs may hold', async () => {
    const twice = await signOperation(
      updateOperation(genesis, { rotationKeys: [rotation.didKey, rotation.didKey] }),
      rotation,
    )
    const large = await signOperation(
      updateOperation(twice, {
        alsoKnownAs: Array.from({ length: 40 }, (_, i) => `at://${'x'.repeat(100)}${i}`),
      }),
      rotation,
    )
    const keyless = await signOperation(updateOperation(large, { rotationKeys: [] }), rotation)
    const log = verifyAuditLog(
      did,
      [genesis, twice, large, keyless].map((op, i) => logEntry(did, op, i)),
    )
    expect(log.ok && log.value.warnings).toEqual([
      { code: 'duplicate-rotation-keys', cid: operationCid(twice) },
      { code: 'oversize-operation', cid: operationCid(large) },
      { code: 'duplicate-rotation-keys', cid: operationCid(large) },
      { code: 'oversize-operation', cid: operationCid(keyless) },
      { code: 'no-rotation-keys', cid: operationCid(keyless) },
    ])
  })
})
