// One call that changes a DID, beside a directory of this test that keeps the rules. The real ones are in e2e.
import { createKeypair } from '@avocet/crypto'
import { describe, expect, it } from 'vitest'
import {
  checkNextOperation,
  createOperation,
  isSameState,
  operationCid,
  PlcError,
  signOperation,
  tombstoneOperation,
  updateDid,
  updateOperation,
  verifyLog,
  type HistoryEntry,
  type PlcResult,
  type SignedOperation,
} from '../src/index.ts'
import { createAccount, type Account } from './support.ts'

/** A directory with one DID; `before` is done before an operation is looked at. */
function createDirectory(
  { did, genesis }: Account,
  before: (count: number) => Promise<void> | void = () => {},
) {
  const log: SignedOperation[] = [genesis]
  const history: HistoryEntry[] = [{ operation: genesis, cid: operationCid(genesis), createdAt: 0 }]
  const calls: string[] = []
  const add = (operation: SignedOperation): PlcResult<void> => {
    const accepted = checkNextOperation(did, history, operation, 0)
    if (!accepted.ok) return { ok: false, error: new PlcError('rejected', accepted.error.message) }
    if (operation.prev !== history.at(-1)!.cid)
      return { ok: false, error: new PlcError('rejected', 'misordered') }
    log.push(operation)
    history.push({ operation, cid: accepted.value.cid, createdAt: 0 })
    return { ok: true, value: undefined }
  }
  return {
    calls,
    entries: log,
    add,
    log: async (): Promise<PlcResult<SignedOperation[]>> => {
      calls.push('log')
      return { ok: true, value: [...log] }
    },
    submit: async (_: string, operation: SignedOperation): Promise<PlcResult<void>> => {
      calls.push('submit')
      await before(calls.filter((call) => call === 'submit').length)
      return add(operation)
    },
  }
}

const codeOf = (result: PlcResult<unknown>): string | null => (result.ok ? null : result.error.code)

describe('updateDid', () => {
  it('changes what it names and keeps the rest; the new log holds', async () => {
    const account = await createAccount()
    const directory = createDirectory(account)
    const updated = await updateDid(directory, account.did, { handle: 'ali.test' }, account.rotation)
    const data = {
      did: account.did,
      rotationKeys: [account.recovery.didKey, account.rotation.didKey],
      alsoKnownAs: ['at://ali.test'],
      verificationMethods: { atproto: account.signing.didKey },
      services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://pds.test' } },
    }
    expect(updated).toEqual({ ok: true, value: data })
    const log = verifyLog(account.did, directory.entries)
    expect(log.ok && log.value.data).toEqual(data)
    expect(directory.calls).toEqual(['log', 'submit'])
  })

  it('hands nothing in that is in force already', async () => {
    const account = await createAccount()
    const directory = createDirectory(account)
    const change = { handle: 'alice.test', signingKey: account.signing.didKey }
    expect(await updateDid(directory, account.did, change, account.rotation)).toMatchObject({ ok: true })
    expect([directory.calls, directory.entries.length]).toEqual([['log'], 1])
  })

  it('begins again when another operation came first, and keeps what that one changed', async () => {
    const account = await createAccount()
    const directory = createDirectory(account, async (count) => {
      if (count > 1) return
      const other = updateOperation(account.genesis, { pds: 'https://other.test' })
      directory.add(await signOperation(other, account.rotation))
    })
    const updated = await updateDid(directory, account.did, { handle: 'ali.test' }, account.rotation)
    expect(
      updated.ok && [updated.value.alsoKnownAs, updated.value.services['atproto_pds']!.endpoint],
    ).toEqual([['at://ali.test'], 'https://other.test'])
    expect(directory.calls).toEqual(['log', 'submit', 'log', 'submit'])
  })

  it('is overtaken three times at most', async () => {
    const account = await createAccount()
    const directory = createDirectory(account, async (count) => {
      const other = updateOperation(directory.entries.at(-1)!, { pds: `https://other${count}.test` })
      directory.add(await signOperation(other, account.rotation))
    })
    const updated = await updateDid(directory, account.did, { handle: 'ali.test' }, account.rotation)
    expect(codeOf(updated)).toBe('rejected')
    expect(directory.calls.filter((call) => call === 'submit').length).toBe(3)
  })

  it('an answer that got lost is no second operation', async () => {
    const account = await createAccount()
    const directory = createDirectory(account)
    const { submit } = directory
    directory.submit = async (did, operation) => {
      await submit(did, operation)
      return { ok: false, error: new PlcError('timeout', 'no answer') }
    }
    const updated = await updateDid(directory, account.did, { handle: 'ali.test' }, account.rotation)
    expect(updated.ok && updated.value.alsoKnownAs).toEqual(['at://ali.test'])
    expect([directory.calls, directory.entries.length]).toEqual([['log', 'submit', 'log'], 2])
  })

  it('gives the refusal of the directory, which it asks once', async () => {
    const account = await createAccount()
    const directory = createDirectory(account)
    const stranger = createKeypair()
    expect(codeOf(await updateDid(directory, account.did, { handle: 'ali.test' }, stranger))).toBe('rejected')
    expect([directory.calls, directory.entries.length]).toEqual([['log', 'submit', 'log'], 1])
    const silent = {
      ...directory,
      log: async () => ({ ok: false, error: new PlcError('not-found', '') }) as const,
    }
    expect(codeOf(await updateDid(silent, account.did, {}, account.rotation))).toBe('not-found')
  })

  it('signs nothing after a log that does not hold', async () => {
    const account = await createAccount()
    const directory = createDirectory(account)
    const thief = createKeypair()
    const forged = await signOperation(
      updateOperation(account.genesis, { rotationKeys: [thief.didKey, account.rotation.didKey] }),
      thief,
    )
    directory.entries.push(forged)
    const updated = await updateDid(directory, account.did, { handle: 'ali.test' }, account.rotation)
    expect(codeOf(updated)).toBe('invalid-signature')
    expect(directory.calls).toEqual(['log'])
  })

  it('nothing follows a tombstone', async () => {
    const account = await createAccount()
    const directory = createDirectory(account)
    directory.add(await signOperation(tombstoneOperation(account.genesis), account.rotation))
    const updated = await updateDid(directory, account.did, { handle: 'ali.test' }, account.rotation)
    expect(codeOf(updated)).toBe('tombstoned')
    expect(directory.calls).toEqual(['log'])
  })
})

describe('isSameState', () => {
  const identity = {
    rotationKeys: ['did:key:a', 'did:key:b'],
    signingKey: 'did:key:c',
    handle: 'a.test',
    pds: 'p.test',
  }
  const operation = {
    ...createOperation(identity),
    services: { x: { type: 'X', endpoint: 'x' }, y: { type: 'Y', endpoint: 'y' } },
  }

  it.each([
    ['the same but for what came before', { prev: 'bafy' }, true],
    [
      'named entries in another order',
      { services: { y: operation.services.y, x: operation.services.x } },
      true,
    ],
    ['rotation keys in another order', { rotationKeys: ['did:key:b', 'did:key:a'] }, false],
    ['another alias', { alsoKnownAs: ['at://a.test', 'at://b.test'] }, false],
    ['another key', { verificationMethods: { atproto: 'did:key:d' } }, false],
    ['a service less', { services: { x: operation.services.x } }, false],
  ])('%s', (_, change, same) => {
    expect(isSameState(operation, { ...operation, ...change } as typeof operation)).toBe(same)
  })
})
