// Handles: kept when a look-up fails, verified again after a day, looked up for strangers only so often.

import { DidError, type DidResult, type HandleResolver } from '@avocet/did'
import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openIndexDatabase } from '../src/database/open.ts'
import { createLive } from '../src/http/live.ts'
import { createFindAccount } from '../src/identity/handles.ts'
import { createIdentities } from '../src/identity/identities.ts'
import { limitHandles } from '../src/identity/limited.ts'
import { createEventApplier } from '../src/index/apply.ts'
import { createRecordReader } from '../src/queries/records.ts'

const ada: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const ben: Did = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
const DAY = 24 * 3_600_000
const NOW = 100 * DAY
const documentOf = (did: Did, handle: string): DidResult<any> => ({
  ok: true,
  value: { id: did, alsoKnownAs: [`at://${handle}`], verificationMethod: [], service: [] },
})

let db: ReturnType<typeof openIndexDatabase>
let now = NOW
let answer: () => DidResult<Did>
let lookups = 0
const handles: HandleResolver = {
  async resolve() {
    lookups++
    return answer()
  },
}
const throttled: DidResult<Did> = { ok: false, error: new DidError('dns-failure', 'DNS is down') }
beforeEach(() => {
  db = openIndexDatabase(null)
  now = NOW
  lookups = 0
  answer = () => ({ ok: true, value: ada })
})
afterEach(() => db.close())

const identities = () =>
  createIdentities({ dids: { resolve: async (did) => documentOf(did, 'ada.example') }, handles })
const applier = () =>
  createEventApplier({
    db,
    examine: () => ({ label: { validity: 'valid', reason: null }, links: [] }),
    isWanted: () => true,
    now: () => now,
    onNotice: () => {},
  })
const told = (did: Did, handle: string | null, uncertain = false): void =>
  db.transaction(() =>
    applier().apply({
      kind: 'identity',
      source: 's',
      seq: 1,
      did,
      handle: handle as 'ada.example' | null,
      time: '',
      ...(uncertain ? { uncertain } : {}),
    }),
  )
const handleOf = (did: Did): unknown => createRecordReader(db).account(did)?.handle

describe('a handle', () => {
  test('is not lost to a look-up that fails', async () => {
    const { resolveKey } = identities()
    expect(await resolveKey(ada, { forceRefresh: true })).toMatchObject({ handle: 'ada.example' })
    answer = () => throttled
    expect((await resolveKey(ada, { forceRefresh: true }))?.handle).toBe(undefined)
    answer = () => ({ ok: false, error: new DidError('not-found', 'no such handle') })
    expect((await resolveKey(ada, { forceRefresh: true }))?.handle).toBe(null)
    told(ada, 'ada.example')
    told(ada, null, true)
    expect(handleOf(ada)).toBe('ada.example')
    told(ada, null)
    expect(handleOf(ada)).toBe(null)
  })

  test('is verified again when somebody asks after a day; a former owner does not keep it', async () => {
    const find = createFindAccount({
      db,
      records: createRecordReader(db),
      identities: { resolveHandle: async () => (answer().ok ? ben : undefined) },
      now: () => now,
    })
    told(ada, 'ada.example')
    told(ben, null)
    now = NOW + DAY - 1
    expect((await find('ada.example'))?.did).toBe(ada)
    now = NOW + DAY
    answer = () => throttled
    expect((await find('ada.example'))?.did).toBe(ada)
    answer = () => ({ ok: true, value: ben })
    expect((await find('ADA.example'))?.did).toBe(ben)
    expect([handleOf(ada), handleOf(ben)]).toEqual([null, 'ada.example'])
    answer = () => throttled
    expect((await find('ada.example'))?.did).toBe(ben)
  })

  test('is looked up for strangers 50 times at once, then 5 times a second', async () => {
    const limited = limitHandles(handles, () => now)
    const ask = async (times: number): Promise<number> => {
      const before = lookups
      for (let i = 0; i < times; i++) await limited.resolve(`h${i}.example`)
      return lookups - before
    }
    expect(await ask(100)).toBe(50)
    now += 199
    expect(await ask(1)).toBe(0)
    now += 1
    expect(await ask(2)).toBe(1)
    expect(await limited.resolve('x.example')).toMatchObject({ ok: false, error: { code: 'throttled' } })
  })
})

test('open pages: eight of one address, others have theirs', async () => {
  const live = createLive({ status: () => ({}), handleOf: () => null })
  const stop = new AbortController()
  const open = (address: string): number => live.connect(stop.signal, address).status
  expect(Array.from({ length: 9 }, () => open('192.0.2.1'))).toEqual([...Array(8).fill(200), 429])
  expect(open('192.0.2.2')).toBe(200)
  // Whoever has an IPv6 address has a /64 of them.
  const many = Array.from({ length: 9 }, (_, i) => open(`2001:db8::${i + 1}`))
  expect(many).toEqual([...Array(8).fill(200), 429])
  expect(open('2001:db8:0:1::1')).toBe(200)
  stop.abort()
  expect(open('192.0.2.1')).toBe(200)
  live.close()
})
