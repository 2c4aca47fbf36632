// Changes of accounts that meet others, made so that they meet.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { AccountFields, AccountStore } from '@avocet/accounts'
import { openAccountStore, type SqliteAccountStore } from '@avocet/accounts/sqlite'
import { createKeypair } from '@avocet/crypto'
import { createKeyedLock, createRemovals, createRepoHost } from '@avocet/repo-server'
import { decodeFrame } from '@avocet/xrpc'
import { openDatabase } from '@avocet/sqlite'
import type { Did, Handle } from '@avocet/syntax'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'

import { createCredentials } from '../src/accounts/credentials.ts'
import { createEmailTokens, type EmailTokens } from '../src/accounts/email-tokens.ts'
import { createLifecycle, type Lifecycle } from '../src/accounts/lifecycle.ts'
import { resolveConfig } from '../src/config/config.ts'
import { createSigners } from '../src/identity/signers.ts'
import { openStores } from '../src/stores/open-stores.ts'
import type { Stores } from '../src/stores/stores.ts'
import { createFactorParts } from './factor-parts.ts'

const DID: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const key = createKeypair('k256')
const ACCOUNT = {
  did: DID,
  handle: 'anna.test' as Handle,
  email: 'anna@example.com',
  passwordHash: 'none',
  signingKey: key.exportPrivateKey(),
  createdAt: '2026-01-01T00:00:00.000Z',
  deactivatedAt: null,
}

let store: SqliteAccountStore
let codes: EmailTokens
beforeEach(async () => {
  store = openAccountStore(openDatabase({ path: ':memory:' }))
  codes = createEmailTokens(store)
  await store.apply([{ type: 'createAccount', account: ACCOUNT }])
})
const update = (set: Partial<AccountFields>): Promise<unknown> =>
  store.apply([{ type: 'updateAccount', did: DID, set }])
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'fine',
    (error: { code?: string }) => error.code ?? String(error),
  )

describe('an address', () => {
  test('that is given back by the operator brings no code back that was mailed to it', async () => {
    const credentials = createCredentials(store, codes, createFactorParts(store).letters)
    const code = await codes.create(DID, 'reset-password', 'anna@example.com')
    await credentials.setEmail(DID, 'other@example.com')
    await credentials.setEmail(DID, 'anna@example.com')
    expect(await codeOf(codes.check('reset-password', code))).toBe('token-invalid')
  })

  test('that is confirmed while it is changed needs its code', async () => {
    let isFirst = true
    const meanwhile: AccountStore = {
      ...store,
      apply: async (changes) => {
        if (isFirst) await update({ emailConfirmedAt: '2026-01-02T00:00:00.000Z' })
        isFirst = false
        return store.apply(changes)
      },
    }
    const credentials = createCredentials(meanwhile, codes, createFactorParts(store).letters)
    expect(
      await codeOf(
        credentials.changeEmail(DID, 'thief@example.com', { token: undefined, emailAuthFactor: undefined }),
      ),
    ).toBe('token-required')
    expect(store.accounts.get(DID)!.email).toBe('anna@example.com')
  })
})

describe('the status of an account', () => {
  let stores: Stores
  let lifecycle: Lifecycle
  beforeEach(async () => {
    const dataDirectory = await mkdtemp(join(tmpdir(), 'avocet-pds-account-changes-'))
    stores = await openStores(resolveConfig({ dataDirectory }))
    onTestFinished(async () => {
      await stores[Symbol.asyncDispose]()
      await rm(dataDirectory, { recursive: true })
    })
    await stores.accountStore.apply([{ type: 'createAccount', account: ACCOUNT }])
    const { server, files } = stores
    const host = createRepoHost({
      store: server,
      files,
      accounts: { keyOf: () => key, describe: () => expect.unreachable() },
    })
    await host.createRepo(DID, { handle: 'anna.test' })
    lifecycle = createLifecycle({
      stores,
      removals: createRemovals(server, files),
      imports: host.parts.imports,
      signers: createSigners(stores.accountStore.secrets),
      locks: createKeyedLock(),
      onError: (error) => expect.unreachable(String(error)),
    })
  })
  const meanwhile = (set: Partial<AccountFields>): Promise<unknown> =>
    stores.accountStore.apply([{ type: 'updateAccount', did: DID, set }])
  const told = async (): Promise<[string, unknown][]> =>
    (await stores.server.log.read(0, { count: 100, bytes: 1e6 })).map(({ frame }) => {
      const decoded = decodeFrame(frame)
      if (!decoded.ok || decoded.value.kind !== 'message') return expect.unreachable()
      const { type, body } = decoded.value
      return [type, body['handle'] ?? body['status']]
    })

  test('is announced with the handle that the account has by then', async () => {
    // Queued before; what comes after it is built before it runs.
    const renamed = meanwhile({ handle: 'bert.test' as Handle })
    await lifecycle.activate(DID)
    await renamed
    expect((await told()).filter(([type]) => type === '#identity')).toEqual([
      ['#identity', 'anna.test'],
      ['#identity', 'bert.test'],
    ])
  })

  test('stands in its repository as in its row, whatever was decided meanwhile', async () => {
    const decided = meanwhile({ takedownRef: 'a decision' })
    await lifecycle.deactivate(DID, null)
    await decided
    expect((await stores.server.repos.getHead(DID))?.status).toBe('takendown')
    // It was off for everybody already: nothing is said of it.
    expect((await told()).filter(([type]) => type === '#account')).toHaveLength(1)
  })
})
