// What guards the operator's page, on either database: sign-ins by their times, the factor, codes that are good once.
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'

import { createSeal } from '../src/factors/sealed.ts'
import { totpCode, totpStep } from '../src/factors/totp.ts'
import { createOperatorFactor, type OperatorFactor } from '../src/operator/operator-factor.ts'
import { createOperatorSessions, type OperatorSessions } from '../src/operator/operator-sessions.ts'
import { isServerProof, makeServerProof } from '../src/operator/server-proof.ts'
import type { OperatorRows } from '../src/stores/operator-rows.ts'
import { fromBase32 } from './authenticator-app.ts'
import { openFixture } from './store-fixture.ts'

const server = await startPostgres()
afterAll(() => server?.close())

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const BEGUN = Date.parse('2026-01-01T00:00:00Z')
const sighting = { address: '192.0.2.1', userAgent: 'Browser' }

describe.each([
  ['sqlite', null],
  ['postgres', server?.url],
] as const)('%s', (_name, url) => {
  let rows: OperatorRows
  /** Those of another process, where there may be one. */
  let others: OperatorRows
  let time: number
  let factor: OperatorFactor
  let sessions: OperatorSessions
  const now = (): number => time

  const sessionsWith = (adminPassword: string, of = rows): OperatorSessions =>
    createOperatorSessions({
      rows: of,
      activeFactor: () => factor.activeId(),
      adminPassword,
      secret: 'secret',
      now,
    })

  beforeEach(async (context) => {
    if (url === undefined) context.skip()
    const fixture = await openFixture(url ?? null)
    onTestFinished(() => fixture[Symbol.asyncDispose]())
    rows = fixture.stores.operator
    others = (fixture.other ?? fixture.stores).operator
    time = BEGUN
    factor = createOperatorFactor({ rows, seal: createSeal('secret'), hostname: 'pds.test', now })
    sessions = sessionsWith('password')
  })

  const isIn = async (cookie: string | null, of = sessions): Promise<boolean> =>
    (await of.read(cookie)) !== null

  test('a sign-in ends half an hour after the last look, and eight hours after it began', async () => {
    const [idle, busy] = [(await sessions.begin([], sighting))!, (await sessions.begin([], sighting))!]
    time = BEGUN + 30 * MINUTE - 1
    expect(await isIn(busy)).toBe(true)
    time += 1
    expect([await isIn(idle), await isIn(busy)]).toEqual([false, true])
    for (let minutes = 50; minutes < 480; minutes += 20) {
      time = BEGUN + minutes * MINUTE
      expect([minutes, await isIn(busy)]).toEqual([minutes, true])
    }
    time = BEGUN + 480 * MINUTE - 1
    expect(await isIn(busy)).toBe(true)
    time += 1
    expect(await isIn(busy)).toBe(false)
  })

  test('it holds in each process, and ends in each', async () => {
    const elsewhere = sessionsWith('password', others)
    const cookie = (await sessions.begin([], sighting))!
    expect(await isIn(cookie, elsewhere)).toBe(true)
    expect(await isIn(cookie, sessionsWith('another', others))).toBe(false)
    await elsewhere.end((await elsewhere.read(cookie))!)
    expect(await isIn(cookie)).toBe(false)
  })

  test('no other text is a cookie, and the database does not tell one', async () => {
    const cookie = (await sessions.begin([], sighting))!
    const [row] = await rows.sessions()
    for (const other of [null, '', row!.id, row!.mark, `${cookie}x`, cookie.slice(1)]) {
      expect(await isIn(other)).toBe(false)
    }
    expect(JSON.stringify(row)).not.toContain(cookie)
  })

  test('a network is known for thirty days; what is older is forgotten, and beyond 200 the oldest', async () => {
    const cookie = (await sessions.begin([], sighting))!
    await sessions.end((await sessions.read(cookie))!)
    const known = (address: string | null): Promise<boolean> => sessions.isKnown(address)
    expect([await known('192.0.2.1'), await known('192.0.2.2'), await known(null)]).toEqual([
      true,
      false,
      false,
    ])
    time = BEGUN + 30 * DAY - 1
    expect(await known('192.0.2.1')).toBe(true)
    await sessions.collect()
    expect(await rows.sessions()).toHaveLength(1)
    time += 2
    expect(await known('192.0.2.1')).toBe(false)
    await sessions.collect()
    expect(await rows.sessions()).toHaveLength(0)
    for (let n = 0; n < 201; n++) {
      time += 1
      await sessions.begin([], { address: `2001:db8:${n.toString(16)}::1`, userAgent: 'x'.repeat(1000) })
    }
    const kept = await rows.sessions()
    expect([kept.length, kept.at(-1)!.address, kept[0]!.userAgent!.length]).toEqual([
      200,
      '2001:db8:1::1',
      256,
    ])
    expect(await sessions.list()).toHaveLength(200)
    await sessions.endAll()
    expect(await sessions.list()).toEqual([])
  })

  /** Adds an app and gives its codes. */
  async function add(): Promise<{ code: (offset: number) => string; recovery: readonly string[] }> {
    const { secret } = await factor.propose()
    const code = (offset: number): string => totpCode(fromBase32(secret), totpStep(time) + offset)
    return { code, recovery: await factor.confirm(code(0)) }
  }

  test('a code is good once, in any process, and none of before it', async () => {
    const { code } = await add()
    expect(await factor.check(code(0))).toBeNull()
    const proof = (await factor.check(code(1)))!
    const elsewhere = sessionsWith('password', others)
    const cookies = await Promise.all([sessions.begin(proof, sighting), elsewhere.begin(proof, sighting)])
    expect(cookies.filter((cookie) => cookie !== null)).toHaveLength(1)
    expect(await rows.sessions()).toHaveLength(1)
    expect(await factor.check(code(1))).toBeNull()
    expect(await factor.check(code(0))).toBeNull()
    expect((await factor.state()).active).toEqual({
      addedAt: '2026-01-01T00:00:00.000Z',
      lastUsedAt: '2026-01-01T00:00:00.000Z',
    })
  })

  test('a recovery code is good once, and none lets in where it does not fit', async () => {
    const { recovery } = await add()
    const proof = (await factor.check(` ${recovery[0]!.toUpperCase()} `))!
    expect(await sessions.begin(proof, sighting)).not.toBeNull()
    expect(await sessions.begin(proof, sighting)).toBeNull()
    const made = (await factor.check('aaaa-aaaa-aaaa-aaaa'))!
    expect(await sessions.begin(made, sighting)).toBeNull()
    expect((await factor.state()).recoveryCodes).toBe(9)
    for (const text of ['', '12345', 'ABCDE-FGHIJ']) expect(await factor.check(text)).toBeNull()
  })

  test('another app takes the place of one when it has shown a code; until then the former guards', async () => {
    const before = await add()
    const { secret } = await factor.propose()
    expect(await factor.state()).toMatchObject({ isPending: true, recoveryCodes: 10 })
    const cookie = await sessions.begin((await factor.check(before.code(1)))!, sighting)
    expect(await isIn(cookie)).toBe(true)
    await expect(factor.confirm('000000')).rejects.toMatchObject({ code: 'factor-invalid' })
    await factor.confirm(totpCode(fromBase32(secret), totpStep(time)))
    expect(await isIn(cookie)).toBe(false)
    expect(await factor.check(before.recovery[5]!)).not.toBeNull()
    expect(await sessions.begin((await factor.check(before.recovery[5]!))!, sighting)).toBeNull()
    await expect(factor.confirm('000000')).rejects.toMatchObject({ code: 'not-found' })
    await factor.remove()
    expect(await factor.state()).toEqual({ active: null, isPending: false, recoveryCodes: 0 })
    expect(await factor.check('')).toEqual([])
    await expect(factor.renewRecoveryCodes()).rejects.toMatchObject({ code: 'not-found' })
  })

  test('under another secret of the server no code fits, and no sign-in counts', async () => {
    const { code, recovery } = await add()
    const cookie = (await sessions.begin((await factor.check(code(1)))!, sighting))!
    const moved = createOperatorFactor({ rows, seal: createSeal('other'), hostname: 'pds.test', now })
    expect(await moved.check(code(1))).toBeNull()
    expect(await moved.check(recovery[0]!)).not.toBeNull()
    const parts = { rows, activeFactor: () => factor.activeId(), adminPassword: 'password', now }
    expect(await isIn(cookie, createOperatorSessions({ ...parts, secret: 'other' }))).toBe(false)
  })
})

test('a proof of the secrets is of one request, and for two minutes', () => {
  const proof = makeServerProof('secret', 'what', 1_000_000)
  const is = (secret: string, what: string, given: unknown, now: number): boolean =>
    isServerProof(secret, what, given, now)
  expect(is('secret', 'what', proof, 1_120_000)).toBe(true)
  expect(is('secret', 'what', proof, 880_000)).toBe(true)
  expect(is('secret', 'what', proof, 1_120_001)).toBe(false)
  expect(is('secret', 'what', proof, 879_999)).toBe(false)
  expect(is('other', 'what', proof, 1_000_000)).toBe(false)
  expect(is('secret', 'other', proof, 1_000_000)).toBe(false)
  for (const none of [
    null,
    1,
    {},
    { at: 1_000_000 },
    { ...proof, at: '1000000' },
    { ...proof, at: Number.NaN },
  ]) {
    expect(is('secret', 'what', none, 1_000_000)).toBe(false)
  }
})
