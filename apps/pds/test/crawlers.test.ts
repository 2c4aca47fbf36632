// When relays are asked to crawl this server, and what is said of those that do not want to.
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test, vi } from 'vitest'

import { resolveConfig } from '../src/config/config.ts'
import { createAnnouncements } from '../src/events/announcements.ts'
import { createCrawlers } from '../src/events/crawlers.ts'
import type { Logger } from '../src/logger.ts'
import { openSqliteStores } from '../src/stores/sqlite/stores.ts'

const MINUTES = 60_000

/** A relay that answers as told, and a server that asks it; `now` is the clock of the machine where it is left out. */
async function start(now?: () => number, more: readonly string[] = []) {
  const seen = { status: 200, asked: 0, lines: [] as [string, object][], failures: 0 }
  const relay = createServer((_request, response) => {
    seen.asked += 1
    response.writeHead(seen.status).end('{}')
  }).listen(0, '127.0.0.1')
  await once(relay, 'listening')
  const dataDirectory = await mkdtemp(join(tmpdir(), 'avocet-pds-crawlers-'))
  const config = resolveConfig({
    dataDirectory,
    hostname: 'pds.example.com',
    publicUrl: 'https://pds.example.com',
  })
  const { db, log, server } = await openSqliteStores(config)
  onTestFinished(async () => {
    db.close()
    relay.closeAllConnections()
    relay.close()
    await rm(dataDirectory, { recursive: true })
  })
  const keep = (data: object, message: string): void => void seen.lines.push([message, data])
  const logger: Logger = { info: keep, warn: keep, error: keep, debug: keep }
  const host = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`
  const failed = (): void => void seen.failures++
  const crawlers = createCrawlers([host, ...more], () => config.publicUrl!, log, fetch, logger, failed, now)
  const announcements = createAnnouncements(server)
  const event = async (): Promise<void> => {
    await announcements.identity('did:plc:ewvi7nxzyoun6zhxrhs64oiz', 'a.example.com')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return { seen, relay, host, crawlers, event }
}

test('when the clock of the machine was a year ahead meanwhile, no later', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const { seen, event } = await start()
  // What `expect.poll` waits would pass on these clocks.
  const asked = async (count: number): Promise<void> => {
    while (seen.asked < count) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(seen.asked).toBe(count)
  }
  const begun = Date.now()
  vi.setSystemTime(begun + 365 * 24 * 60 * MINUTES)
  await event()
  await asked(1)
  vi.setSystemTime(begun)
  vi.advanceTimersByTime(20 * MINUTES - 1)
  await event()
  expect(seen.asked).toBe(1)
  vi.advanceTimersByTime(1)
  await event()
  await asked(2)
})

test('each of several, also beside one that cannot be asked', async () => {
  const other = await start()
  const { seen, event } = await start(undefined, ['http://127.0.0.1:1', other.host])
  await event()
  await expect.poll(() => [seen.asked, other.seen.asked, seen.failures]).toEqual([1, 1, 1])
})

test('at the first event, then every twenty minutes at most; a refusal is told and counted', async () => {
  let now = 1e12
  const { seen, relay, host, crawlers, event } = await start(() => now)
  const told = (): unknown => [seen.asked, seen.lines, seen.failures]
  expect(seen.asked).toBe(0)
  await event()
  await expect.poll(told).toEqual([1, [], 0])
  await event()
  now += 20 * MINUTES - 1
  await event()
  expect(told()).toEqual([1, [], 0])
  now += 1
  seen.status = 429
  await event()
  const refused = ['a relay refused to crawl', { host, status: 429 }]
  await expect.poll(told).toEqual([2, [refused], 1])
  now += 20 * MINUTES
  relay.closeAllConnections()
  relay.close()
  await event()
  const silent = ['a relay could not be asked to crawl', { host, err: expect.any(Error) }]
  await expect.poll(told).toEqual([2, [refused, silent], 2])
  crawlers[Symbol.dispose]()
  now += 20 * MINUTES
  await event()
  expect(seen.failures).toBe(2)
})
