// What the server knows of its disk, and whom it tells.
import { SqliteError } from '@avocet/sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'

import { createHealth, type Health } from '../src/health/health.ts'
import { createHealthCheck } from '../src/health/health-check.ts'
import { storageFailure } from '../src/health/storage-failure.ts'
import { SILENT, type Logger } from '../src/logger.ts'

const full = (): Error => Object.assign(new Error('write failed'), { code: 'ENOSPC' })

/** A disk that is full while `full`, and what is said of it. */
function watched(everyMs = 1e6): {
  disk: { full: boolean; probes: number }
  health: Health
  lines: string[]
} {
  const lines: string[] = []
  const keep = (level: string) => (_: object, message: string) => void lines.push(`${level} ${message}`)
  const log: Logger = { info: keep('info'), warn: keep('warn'), error: keep('error'), debug: keep('debug') }
  const disk = { full: false, probes: 0 }
  const probe = async (): Promise<void> => {
    disk.probes += 1
    if (disk.full) throw full()
  }
  const health = createHealth({ probe, log, everyMs })
  onTestFinished(() => health[Symbol.asyncDispose]())
  return { disk, health, lines }
}

describe('health', () => {
  test('probes at the start and at a steady pace, and no more once it has ended', async () => {
    const { disk, health } = watched(5)
    expect(disk.probes).toBe(1)
    await expect.poll(() => disk.probes, { interval: 5 }).toBeGreaterThan(3)
    await health[Symbol.asyncDispose]()
    const { probes } = disk
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(disk.probes).toBe(probes)
  })

  test('a change is logged once, however often it is seen', async () => {
    const { disk, health, lines } = watched()
    expect([await health.check(), lines]).toEqual([null, []])
    disk.full = true
    health.observe(full())
    expect(health.problem()).toBe('the disk is full: write failed')
    expect([await health.check(), await health.check()]).toEqual([health.problem(), health.problem()])
    expect(lines).toEqual(['error the server cannot store data'])
    disk.full = false
    expect([await health.check(), await health.check(), health.problem()]).toEqual([null, null, null])
    expect(lines).toEqual(['error the server cannot store data', 'info the server can store data again'])
  })

  test('a failure that lasts is told of on top of one that might pass, and once', () => {
    const { health, lines } = watched()
    health.observe(full())
    const failed = new SqliteError('sync-failed', 'fsync failed', { cause: new Error('EIO') })
    health.observe(failed)
    health.observe(failed)
    expect(health.problem()).toBe('a sync of the disk failed, restart the server: fsync failed: EIO')
    expect(lines).toEqual(['error the server cannot store data', 'error the server cannot store data'])
  })

  test.each([
    [new Error('no table'), 'no table'],
    ['no table', 'no table'],
  ])('a probe that fails for whatever reason counts (%#)', async (thrown, reason) => {
    const probe = (): Promise<void> => Promise.reject(thrown)
    const health = createHealth({ probe, log: SILENT, everyMs: 1e6 })
    onTestFinished(() => health[Symbol.asyncDispose]())
    expect([await health.check(), health.problem()]).toEqual([reason, reason])
  })

  test('a probe that waits for its turn on a busy thread is none of the disk', async () => {
    const busy = (ms: number): void => {
      const end = performance.now() + ms
      while (performance.now() < end);
    }
    const probe = async (): Promise<void> => {
      for (let step = 0; step < 6; step++) {
        // One step after the other, each behind the work of others.
        await new Promise((resolve) => setTimeout(resolve))
        busy(40)
      }
    }
    const health = createHealth({ probe, log: SILENT, everyMs: 1e6, timeoutMs: 200 })
    onTestFinished(() => health[Symbol.asyncDispose]())
    expect(await health.check()).toBeNull()
  })

  test('other failures say nothing of the disk', () => {
    const { health, lines } = watched()
    for (const error of [new Error('no'), 'ENOSPC', null, Object.assign(new Error('no'), { code: 'ENOENT' })])
      health.observe(error)
    expect([health.problem(), lines]).toEqual([null, []])
  })
})

test.each([
  [{ errcode: 8 }, 'the database is read-only: m', false],
  [{ errcode: 10 }, 'the disk refuses to read or write the database: m', false],
  // SQLITE_IOERR_WRITE: the kind is in the low byte.
  [{ errcode: 778 }, 'the disk refuses to read or write the database: m', false],
  [{ errcode: 11 }, 'pages of the database are damaged: m', true],
  [{ errcode: 267 }, 'pages of the database are damaged: m', true],
  [{ errcode: 13 }, 'the disk is full: m', false],
  [{ errcode: 14 }, 'the database cannot be opened: m', false],
  [{ errcode: 26 }, 'the file is not a database: m', true],
  [{ code: 'ENOSPC' }, 'the disk is full: m', false],
  [{ code: 'EDQUOT' }, 'the disk quota is used up: m', false],
  [{ code: 'EROFS' }, 'the disk is read-only: m', false],
  [{ code: 'EIO' }, 'the disk refuses to read or write: m', false],
  [{ code: 'log-corrupt' }, 'm', true],
  [{ code: 'sync-failed' }, 'a sync of the disk failed, restart the server: m', true],
])('%j is a failure of the disk', (fields, reason, lasting) => {
  const error = Object.assign(new Error('m'), fields)
  expect(storageFailure(error)).toEqual({ reason, lasting })
  expect(storageFailure(new Error('outer', { cause: error }))).toEqual({ reason, lasting })
})

test('causes are followed six deep, and other errors are none of the disk', () => {
  const wrap = (error: Error, times: number): Error =>
    times === 0 ? error : new Error('outer', { cause: wrap(error, times - 1) })
  expect(storageFailure(wrap(full(), 5))).toEqual({
    reason: 'the disk is full: write failed',
    lasting: false,
  })
  expect(storageFailure(wrap(full(), 6))).toBeNull()
  for (const error of [
    new Error('m'),
    Object.assign(new Error('m'), { errcode: 19 }),
    { code: 'EIO' },
    undefined,
  ])
    expect(storageFailure(error)).toBeNull()
})

describe('_health', () => {
  const operator = 'Basic operator'
  const isOperator = ({ header }: { header: (name: string) => string | null }): boolean =>
    header('authorization') === operator
  const as = (authorization: string | null) => ({
    header: (name: string) => (name === 'authorization' ? authorization : null),
  })

  test('anybody learns that something is wrong, at no cost; the operator what, looked at now', async () => {
    const { disk, health } = watched()
    const answer = createHealthCheck(health, isOperator, 'avocet-pds 1')
    await health.check()
    expect(await answer(as(null))).toEqual({ version: 'avocet-pds 1' })
    disk.full = true
    const { probes } = disk
    expect(await answer(as('Basic guess'))).toEqual({ version: 'avocet-pds 1' })
    expect(disk.probes).toBe(probes)
    const told = { status: 503, error: 'ServiceUnavailable' }
    await expect(answer(as(operator))).rejects.toMatchObject({
      ...told,
      message: 'the disk is full: write failed',
    })
    expect(disk.probes).toBe(probes + 1)
    await expect(answer(as(null))).rejects.toMatchObject({ ...told, message: 'unhealthy' })
    expect(disk.probes).toBe(probes + 1)
    disk.full = false
    expect(await answer(as(operator))).toEqual({ version: 'avocet-pds 1' })
  })
})
