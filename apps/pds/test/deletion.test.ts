import { describe, expect, onTestFinished, test } from 'vitest'

import { SILENT } from '../src/logger.ts'
import { mails } from './mail.ts'
import { failure, startNetwork, type NetworkOptions, type TestAccount, type TestNetwork } from './network.ts'
import { sql } from '@avocet/testing/pds-rows'

const DAY = 24 * 60 * 60 * 1000
const at = (ms: number): string => new Date(ms).toISOString()

async function setUp(options: NetworkOptions = {}): Promise<{ net: TestNetwork; account: TestAccount }> {
  const net = await startNetwork(options)
  onTestFinished(() => net[Symbol.asyncDispose]())
  return { net, account: await net.account() }
}
const deactivate = (net: TestNetwork, account: TestAccount, deleteAfter: string) =>
  net.post('com.atproto.server.deactivateAccount', { token: account.accessJwt, input: { deleteAfter } })
const row = (net: TestNetwork, { did }: TestAccount) =>
  sql(net, 'SELECT delete_after, delete_warned_at FROM account WHERE did = ?', did)[0]
const setRow = (net: TestNetwork, { did }: TestAccount, deleteAfter: number, warnedAt: number | null) =>
  sql(
    net,
    'UPDATE account SET delete_after = ?, delete_warned_at = ? WHERE did = ?',
    at(deleteAfter),
    warnedAt === null ? null : at(warnedAt),
    did,
  )
const status = async (net: TestNetwork, { did }: TestAccount): Promise<string> => {
  const answer = await net.get('com.atproto.sync.getRepoStatus', { params: { did } })
  return answer.status === 200 ? String(answer.body.status) : failure(answer)
}
describe('a token alone deletes no account', () => {
  test.each([
    ['in the past', -DAY, 30 * DAY],
    ['now', 0, 30 * DAY],
    ['a moment too soon', 30 * DAY - 60_000, 30 * DAY],
    ['later', 40 * DAY, 40 * DAY],
  ])('deleteAfter %s', async (_, wanted, kept) => {
    const { net, account } = await setUp()
    const before = Date.now()
    expect((await deactivate(net, account, at(before + wanted))).status).toBe(200)
    const planned = Date.parse(row(net, account)!['delete_after'] as string)
    expect(planned).toBeGreaterThanOrEqual(before + kept)
    expect(planned).toBeLessThanOrEqual(Date.now() + kept)
    await expect.poll(() => mails(net)).toHaveLength(1)
    const [mail] = await mails(net)
    expect(mail).toContain(`To: ${account.handle.split('.')[0]}@example.com`)
    expect(mail).toContain(at(planned).slice(0, 10))
    await net.restart()
    expect(await status(net, account)).toBe('deactivated')
  })

  test('the owner is warned a week before, once', async () => {
    const { net, account } = await setUp()
    await deactivate(net, account, at(0))
    await expect.poll(() => mails(net)).toHaveLength(1)
    setRow(net, account, Date.now() + 7 * DAY + 60_000, null)
    await net.restart()
    expect(row(net, account)!['delete_warned_at']).toBe(null)
    setRow(net, account, Date.now() + 7 * DAY - 60_000, null)
    await net.restart()
    await expect.poll(() => row(net, account)!['delete_warned_at']).not.toBe(null)
    await net.restart()
    expect(await mails(net)).toHaveLength(2)
    expect(await status(net, account)).toBe('deactivated')
  })

  test('who was warned long ago is not removed before the time', async () => {
    const { net, account } = await setUp()
    await deactivate(net, account, at(0))
    setRow(net, account, Date.now() + 60_000, Date.now() - 6 * DAY)
    await net.restart()
    expect(await status(net, account)).toBe('deactivated')
    setRow(net, account, Date.now(), Date.now() - 6 * DAY)
    await net.restart()
    await expect.poll(() => status(net, account)).toBe('400 RepoNotFound')
  })

  test('who was not warned three days ago is not removed', async () => {
    const { net, account } = await setUp()
    await deactivate(net, account, at(0))
    setRow(net, account, Date.now() - 10 * DAY, null)
    await net.restart()
    await expect.poll(() => row(net, account)!['delete_warned_at']).not.toBe(null)
    setRow(net, account, Date.now() - 10 * DAY, Date.now() - 3 * DAY + 60_000)
    await net.restart()
    expect(await status(net, account)).toBe('deactivated')
    setRow(net, account, Date.now() - 1, Date.now() - 3 * DAY - 1)
    await net.restart()
    await expect.poll(() => status(net, account)).toBe('400 RepoNotFound')
  })

  test('who cannot be warned is not removed', async () => {
    const { net, account } = await setUp({ log: SILENT, config: { emailSmtpUrl: 'smtp://127.0.0.1:1' } })
    expect((await deactivate(net, account, at(0))).status).toBe(200)
    setRow(net, account, Date.now() - 10 * DAY, null)
    await net.restart()
    expect(await status(net, account)).toBe('deactivated')
    expect(row(net, account)!['delete_warned_at']).toBe(null)
  })

  test('after a long stop the owner is told of a day that is still to come', async () => {
    const { net, account } = await setUp()
    await deactivate(net, account, at(0))
    await expect.poll(() => mails(net)).toHaveLength(1)
    setRow(net, account, Date.now() - 10 * DAY, null)
    await net.restart()
    await expect.poll(() => mails(net)).toHaveLength(2)
    const day = /^ {4}(\d{4}-\d\d-\d\d \d\d:\d\d) UTC$/m.exec((await mails(net)).at(-1)!)![1]!
    const left = Date.parse(`${day.replace(' ', 'T')}:00Z`) - Date.now()
    expect(left).toBeGreaterThan(3 * DAY - 120_000)
    expect(left).toBeLessThanOrEqual(3 * DAY)
  })

  test('who cannot be warned keeps nobody else waiting; who has no address gets no mail', async () => {
    const lines: string[] = []
    const keep = (_: object, message: string): void => void lines.push(message)
    const log = { ...SILENT, error: keep, warn: keep }
    const config = { emailSmtpUrl: 'smtp://127.0.0.1:1', serviceDid: 'did:web:pds.example.com' } as const
    const { net, account } = await setUp({ log, config })
    const other = await net.account()
    sql(net, 'UPDATE account SET email = NULL WHERE did = ?', other.did)
    await net.restart()
    await deactivate(net, other, at(0))
    expect(lines).toEqual([])
    await deactivate(net, account, at(0))
    setRow(net, account, Date.now() - 10 * DAY, null)
    setRow(net, other, Date.now() - DAY, null)
    await net.restart()
    await expect.poll(() => status(net, other)).toBe('400 RepoNotFound')
    expect(await status(net, account)).toBe('deactivated')
    expect(lines).toContain('a planned deletion could not go on')
  })

  test('plans are told by mail, so they are counted as mail; turning off alone is not', async () => {
    const { net, account } = await setUp({ config: { rateLimitsEnabled: true } })
    const plain = () =>
      net.post('com.atproto.server.deactivateAccount', { token: account.accessJwt, input: {} })
    for (let i = 0; i < 20; i++) expect(failure(await plain())).toBe('200 ')
    for (let i = 0; i < 5; i++) expect(failure(await deactivate(net, account, at(0)))).toBe('200 ')
    expect(failure(await deactivate(net, account, at(0)))).toBe('429 RateLimitExceeded')
    expect(failure(await plain())).toBe('200 ')
  })

  test('coming back cancels it, and the next plan begins anew', async () => {
    const { net, account } = await setUp()
    await deactivate(net, account, at(0))
    setRow(net, account, Date.now() + DAY, Date.now() - 6 * DAY)
    const back = await net.post('com.atproto.server.activateAccount', { token: account.accessJwt })
    expect(back.status).toBe(200)
    expect(row(net, account)!['delete_after']).toBe(null)
    await deactivate(net, account, at(0))
    expect(row(net, account)!['delete_warned_at']).toBe(null)
    expect(Date.parse(row(net, account)!['delete_after'] as string)).toBeGreaterThan(Date.now() + 29 * DAY)
  })
})
