// Who is who: a handle counts when both sides say so, and nobody is nobody only when that is certain.

import {
  DidError,
  type DidErrorCode,
  type DidResolver,
  type DidResult,
  type HandleResolver,
  withCache,
} from '@avocet/did'
import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { askHostsFirst } from '../src/identity/host-handles.ts'
import { createFindAccount } from '../src/identity/handles.ts'
import { createIdentities } from '../src/identity/identities.ts'
import { limitDocuments, limitHandles } from '../src/identity/limited.ts'
import { createRecordReader } from '../src/queries/records.ts'
import { openTables, opOf, type Tables } from './support/tables.ts'

const ada: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const ben: Did = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
const signal = new AbortController().signal
const document = (did: Did, handle: string): DidResult<any> => ({
  ok: true,
  value: { id: did, alsoKnownAs: [`at://${handle}`], verificationMethod: [], service: [] },
})
const failed = (code: DidErrorCode): DidResult<any> => ({ ok: false, error: new DidError(code, 'no') })

const asked: string[] = []
let named: DidResult<any>
let found: DidResult<any>
beforeEach(() => {
  asked.length = 0
  named = { ok: true, value: ada }
  found = document(ada, 'ada.example')
})
const resolverOf = (name: string): HandleResolver => ({
  async resolve(handle) {
    asked.push(`${name} ${handle}`)
    return named
  },
})
const dids: DidResolver = { resolve: async () => found }
const identities = createIdentities({
  dids,
  handles: resolverOf('own'),
  asked: {
    dids: {
      async resolve(did) {
        asked.push(`document ${did}`)
        return found
      },
    },
    handles: resolverOf('bounded'),
  },
})

describe('a key', () => {
  test('is told without a look-up of the handle, unless the newest state is wanted', async () => {
    expect(await identities.resolveKey(ada, { forceRefresh: false })).toMatchObject({ handle: null })
    expect(asked).toEqual([])
    expect(await identities.resolveKey(ada, { forceRefresh: true })).toMatchObject({ handle: 'ada.example' })
    expect(asked).toEqual(['own ada.example'])
  })

  test.each(['not-found', 'tombstoned'] as const)('is nobody’s for good: %s', async (code) => {
    found = failed(code)
    expect(await identities.resolveKey(ada, { forceRefresh: false })).toBe(null)
  })

  test.each(['fetch-failed', 'timeout', 'throttled', 'document-malformed'] as const)(
    'cannot be told now: %s',
    async (code) => {
      found = failed(code as DidErrorCode)
      await expect(identities.resolveKey(ada, { forceRefresh: false })).rejects.toMatchObject({ code })
    },
  )

  test('is given up with the question', async () => {
    const seen: unknown[] = []
    const resolving = createIdentities({
      dids: {
        async resolve(_did, options) {
          seen.push(options?.signal)
          return found
        },
      },
      handles: null,
    })
    await resolving.resolveKey(ada, { forceRefresh: false, signal })
    await resolving.resolveKey(ada, { forceRefresh: false })
    expect(seen).toEqual([signal, undefined])
  })

  test('has no handle that points to somebody else', async () => {
    named = { ok: true, value: ben }
    expect(await identities.resolveKey(ada, { forceRefresh: true })).toMatchObject({ handle: null })
  })
})

describe('a handle', () => {
  test('that its account does not claim is nobody’s', async () => {
    expect(await identities.resolveHandle('ada.example')).toBe(ada)
    expect(await identities.resolveHandle('ADA.example')).toBe(ada)
    expect(await identities.resolveHandle('ben.example')).toBe(null)
    found = failed('not-found')
    expect(await identities.resolveHandle('ada.example')).toBe(null)
  })

  test('is nobody’s when that was the answer, and unknown when there was none', async () => {
    named = failed('not-found')
    expect(await identities.resolveHandle('ada.example')).toBe(null)
    named = failed('dns-failure')
    expect(await identities.resolveHandle('ada.example')).toBe(undefined)
  })

  test('is not taken from its account while the directory is down', async () => {
    found = failed('timeout')
    expect(await identities.resolveHandle('ada.example')).toBe(undefined)
    found = failed('throttled')
    expect(await identities.resolveHandle('ada.example')).toBe(undefined)
  })

  test('is not looked up at all in a replay', async () => {
    const offline = createIdentities({ dids, handles: null })
    expect(await offline.resolveKey(ada, { forceRefresh: true })).toMatchObject({ handle: null })
    expect(await offline.resolveHandle('ada.example')).toBe(null)
    expect(asked).toEqual([])
  })
})

describe('a description', () => {
  afterEach(() => vi.restoreAllMocks())

  test('uses the look-ups that clients may cause', async () => {
    expect(await identities.describe(ada, signal)).toMatchObject({
      document: { id: ada },
      handle: 'ada.example',
    })
    expect(asked).toEqual([`document ${ada}`, 'bounded ada.example'])
  })

  test('tells a handle that is refuted from one that cannot be looked up now', async () => {
    named = { ok: true, value: ben }
    expect(await identities.describe(ada, signal)).toMatchObject({ handle: null })
    named = failed('dns-failure')
    expect(await identities.describe(ada, signal)).toMatchObject({ handle: undefined })
  })

  test('is given up after four seconds, or with the question', async () => {
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(AbortSignal.abort())
    const seen: boolean[] = []
    const hanging = createIdentities({
      dids: {
        async resolve(_did, options) {
          seen.push(options?.signal?.aborted === true)
          options?.signal?.throwIfAborted()
          return found
        },
      },
      handles: null,
    })
    expect(await hanging.describe(ada, signal)).toBe(null)
    expect(timeout.mock.calls).toEqual([[4000]])
    timeout.mockReturnValue(new AbortController().signal)
    expect(await hanging.describe(ada, AbortSignal.abort())).toBe(null)
    expect(seen).toEqual([true, true])
  })
})

describe('hosts of a network on one machine', () => {
  const answers = new Map<string, () => Response>()
  const resolver = askHostsFirst(
    ['http://a', 'http://b'],
    async (url) => answers.get(new URL(url).origin)!(),
    resolverOf('next'),
  )
  const hostsSay = (a: () => Response, b: () => Response): void => {
    answers.set('http://a', a).set('http://b', b)
  }
  const down = (): Response => {
    throw new Error('down')
  }

  test.each([
    ['the first that knows', () => Response.json({ did: ben }), down, ben, 0],
    ['one behind one that is down', down, () => Response.json({ did: ben }), ben, 0],
    ['not an error that names somebody', () => Response.json({ did: ben }, { status: 400 }), down, ada, 1],
    ['not what is no DID', () => Response.json({ did: 'ben' }), down, ada, 1],
    ['the network, when none knows', down, down, ada, 1],
  ])('%s', async (_case, a, b, value, next) => {
    hostsSay(a, b)
    expect(await resolver.resolve('x.test')).toEqual({ ok: true, value })
    expect(asked).toEqual(Array.from({ length: next }, () => 'next x.test'))
  })
})

test('a quiet day does not pay for more than fifty look-ups at once', async () => {
  let now = 1_000_000
  const limited = limitHandles(resolverOf('any'), () => now)
  now += 24 * 3_600_000
  for (let i = 0; i < 60; i++) await limited.resolve('x.example')
  expect(asked).toHaveLength(50)
})

test('documents are looked up for strangers 200 times at once, then 20 times a second; what is at hand is free', async () => {
  let now = 1_000_000
  let lookups = 0
  const source: DidResolver = {
    async resolve(did) {
      lookups++
      return document(did, 'x.example')
    },
  }
  const limited = limitDocuments(withCache(source, { now: () => now }), () => now)
  const ask = async (first: number, times: number): Promise<number> => {
    const before = lookups
    for (let i = first; i < first + times; i++) await limited.resolve(`did:web:a${i}.example`)
    return lookups - before
  }
  expect(await ask(0, 300)).toBe(200)
  expect(await limited.resolve('did:web:a0.example')).toMatchObject({ ok: true })
  expect(await limited.resolve('did:web:a200.example')).toMatchObject({
    ok: false,
    error: { code: 'throttled' },
  })
  now += 49
  expect(await ask(200, 1)).toBe(0)
  now += 1
  expect(await ask(200, 2)).toBe(1)
  expect(await ask(0, 200)).toBe(0)
  // What would be renewed is asked for.
  now += 3_600_000
  expect(await ask(0, 300)).toBe(200)
})

describe('an account by its handle', () => {
  let tables: Tables
  beforeEach(() => (tables = openTables()))
  afterEach(() => tables[Symbol.dispose]())
  const DAY = 24 * 3_600_000
  const finder = () =>
    createFindAccount({
      db: tables.db,
      records: createRecordReader(tables.db),
      identities,
      now: () => tables.now,
    })

  test('whose handle is nobody’s any more has none', async () => {
    tables.identity(ada, 'ada.example')
    tables.now += DAY
    named = failed('not-found')
    expect(await finder()('ada.example')).toBe(null)
    expect(createRecordReader(tables.db).account(ada)?.handle).toBe(null)
  })

  test('that nobody asked for yet is found, and known from then on, however it is written', async () => {
    tables.commit(ada, [opOf('create', 'a.b.c/1', { a: 1 })])
    const find = finder()
    expect((await find('Ada.Example'))?.did).toBe(ada)
    expect((await find('ada.example'))?.did).toBe(ada)
    expect((await find('ADA.EXAMPLE'))?.did).toBe(ada)
    expect(asked).toEqual(['bounded ada.example', `document ${ada}`])
  })

  test('that is not indexed is not found, whoever has the handle', async () => {
    expect(await finder()('ada.example')).toBe(null)
    expect(await finder()(ada)).toBe(null)
  })
})
