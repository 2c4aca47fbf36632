// Browsers in which owners signed in, on either database.
import { startPostgres } from '@avocet/testing/postgres'
import type { Did } from '@avocet/syntax'
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'

import type { DeviceRow, DeviceRows, DeviceSignIn } from '../src/stores/device-rows.ts'
import type { Stores } from '../src/stores/stores.ts'
import { accountChange, DID, openFixture, OTHER } from './store-fixture.ts'

const server = await startPostgres()
afterAll(() => server?.close())

const device = (id: string, more: Partial<DeviceRow> = {}): DeviceRow => ({
  id,
  secretHash: `secret of ${id}`,
  userAgent: 'Browser',
  address: '192.0.2.1',
  createdAt: 1000,
  seenAt: 1000,
  ...more,
})
const signIn = (did: Did, more: Partial<DeviceSignIn> = {}): Omit<DeviceSignIn, 'device'> => ({
  did,
  signedInAt: 1000,
  expiresAt: 2000,
  mark: 'mark',
  request: null,
  remembered: true,
  ...more,
})

describe.each([
  ['sqlite', null],
  ['postgres', server?.url],
] as const)('%s', (_name, url) => {
  let stores: Stores
  let devices: DeviceRows
  // Not skipped in silence: `startPostgres` has said that there is none.
  beforeEach(async (context) => {
    if (url === undefined) context.skip()
    const fixture = await openFixture(url ?? null)
    stores = fixture.stores
    devices = stores.devices
    onTestFinished(() => fixture[Symbol.asyncDispose]())
    await stores.apply({ accounts: [accountChange(DID, 'a.test'), accountChange(OTHER, 'b.test')] })
  })
  const keep = (
    row: DeviceRow,
    one: Omit<DeviceSignIn, 'device'>,
    bounds = { maxPerDevice: 3, maxPerAccount: 3 },
  ): Promise<void> => devices.apply({ type: 'keepSignIn', device: row, signIn: one, ...bounds })

  test('a sign-in and its device are kept as they are', async () => {
    const one = signIn(DID, { request: 'request', remembered: false })
    await keep(device('d', { userAgent: null, address: null }), one)
    expect(await devices.get('d')).toEqual(device('d', { userAgent: null, address: null }))
    expect(await devices.get('other')).toBeNull()
    expect(await devices.signIns('d')).toEqual([{ ...one, device: 'd' }])
    expect(await devices.list(DID)).toEqual([
      { device: device('d', { userAgent: null, address: null }), signIn: { ...one, device: 'd' } },
    ])
    expect(await devices.list(OTHER)).toEqual([])
  })

  test('a further sign-in of the account takes the place of the one before, and the device gets its new secret', async () => {
    await keep(device('d'), signIn(DID))
    const later = { secretHash: 'new', userAgent: 'Newer', address: '192.0.2.2', seenAt: 5000 }
    await keep(device('d', { ...later, createdAt: 4000 }), signIn(DID, { signedInAt: 5000, mark: 'other' }))
    expect(await devices.get('d')).toEqual(device('d', later))
    expect((await devices.signIns('d')).map(({ mark }) => mark)).toEqual(['other'])
  })

  test('those signed in last come first; beyond the bounds the oldest goes, and no other', async () => {
    await keep(device('d'), signIn(DID, { signedInAt: 1 }), { maxPerDevice: 2, maxPerAccount: 2 })
    await keep(device('d'), signIn(OTHER, { signedInAt: 2 }), { maxPerDevice: 2, maxPerAccount: 2 })
    expect((await devices.signIns('d')).map(({ did }) => did)).toEqual([OTHER, DID])
    await keep(device('d'), signIn(OTHER, { signedInAt: 3 }), { maxPerDevice: 1, maxPerAccount: 2 })
    expect((await devices.signIns('d')).map(({ did }) => did)).toEqual([OTHER])
    await keep(device('e', { seenAt: 9 }), signIn(OTHER, { signedInAt: 4 }), {
      maxPerDevice: 1,
      maxPerAccount: 2,
    })
    expect((await devices.list(OTHER)).map((row) => row.device.id)).toEqual(['d', 'e'])
    await keep(device('f'), signIn(OTHER, { signedInAt: 5 }), { maxPerDevice: 1, maxPerAccount: 2 })
    expect((await devices.list(OTHER)).map((row) => row.device.id)).toEqual(['f', 'e'])
  })

  test('one account signs out, or all of them; a device without any is forgotten', async () => {
    await keep(device('d'), signIn(DID))
    await keep(device('d'), signIn(OTHER))
    await devices.apply({ type: 'signOut', device: 'd', did: DID })
    expect((await devices.signIns('d')).map(({ did }) => did)).toEqual([OTHER])
    expect(await devices.get('d')).not.toBeNull()
    await devices.apply({ type: 'signOut', device: 'd', did: OTHER })
    expect(await devices.get('d')).toBeNull()
    await keep(device('d'), signIn(DID))
    await keep(device('d'), signIn(OTHER))
    await keep(device('e'), signIn(OTHER))
    await devices.apply({ type: 'signOut', device: 'd' })
    expect([await devices.get('d'), await devices.signIns('d')]).toEqual([null, []])
    expect((await devices.list(OTHER)).map((row) => row.device.id)).toEqual(['e'])
  })

  test('a sign-in gets another mark if it has the one that was expected, and no other sign-in does', async () => {
    await keep(device('d'), signIn(DID))
    await keep(device('d'), signIn(OTHER))
    await keep(device('e'), signIn(DID))
    const marks = async (): Promise<string[]> =>
      [...(await devices.signIns('d')), ...(await devices.signIns('e'))].map(
        ({ did, mark }) => `${did} ${mark}`,
      )
    await devices.apply({ type: 'markSignIn', device: 'd', did: DID, from: 'other', to: 'new' })
    expect((await marks()).every((text) => text.endsWith(' mark'))).toBe(true)
    await devices.apply({ type: 'markSignIn', device: 'd', did: DID, from: 'mark', to: 'new' })
    expect((await marks()).filter((text) => text.endsWith(' new'))).toEqual([`${DID} new`])
    await devices.apply({ type: 'signOut', device: 'd', did: DID })
    await devices.apply({ type: 'markSignIn', device: 'd', did: DID, from: 'new', to: 'mark' })
    expect((await devices.signIns('d')).map(({ did }) => did)).toEqual([OTHER])
  })

  test('an account signs out on all devices but one, or on all', async () => {
    for (const id of ['d', 'e', 'f']) {
      await keep(device(id), signIn(DID))
      await keep(device(id), signIn(OTHER))
    }
    await devices.apply({ type: 'signOutAccount', did: DID, except: 'e' })
    expect((await devices.list(DID)).map((row) => row.device.id)).toEqual(['e'])
    await devices.apply({ type: 'signOutAccount', did: DID })
    expect(await devices.list(DID)).toEqual([])
    expect((await devices.list(OTHER)).map((row) => row.device.id)).toEqual(['d', 'e', 'f'])
  })

  test('a device that was there is noted, never back in time', async () => {
    await keep(device('d', { seenAt: 1000 }), signIn(DID))
    await devices.apply({ type: 'sawDevice', id: 'd', address: '192.0.2.9', at: 2000 })
    expect(await devices.get('d')).toMatchObject({ address: '192.0.2.9', seenAt: 2000 })
    await devices.apply({ type: 'sawDevice', id: 'd', address: '192.0.2.9', at: 1500 })
    expect(await devices.get('d')).toMatchObject({ seenAt: 2000 })
  })

  test('what is over is forgotten, to the millisecond, and devices without sign-ins with it', async () => {
    await keep(device('d'), signIn(DID, { expiresAt: 2000 }))
    await keep(device('e'), signIn(DID, { expiresAt: 2001 }))
    await devices.apply({ type: 'forgetDevices', now: 2000 })
    expect([await devices.get('d'), (await devices.get('e'))?.id]).toEqual([null, 'e'])
    expect((await devices.list(DID)).map((row) => row.device.id)).toEqual(['e'])
  })

  test('an account that is deleted is signed in nowhere', async () => {
    await keep(device('d'), signIn(DID))
    await keep(device('d'), signIn(OTHER))
    await stores.apply({ accounts: [{ type: 'removeAccount', did: DID }] })
    expect((await devices.signIns('d')).map(({ did }) => did)).toEqual([OTHER])
  })
})
