import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { migrate, openDatabase, SqliteError } from '@avocet/sqlite'
import type { RequestReport } from '@avocet/xrpc-server'
import { describe, expect, onTestFinished, test } from 'vitest'

import { createAuditLog } from '../src/audit/audit-log.ts'
import type { AuditEntry } from '../src/stores/audit-rows.ts'
import { openAudit } from '../src/stores/sqlite/audit.ts'
import { readAuditQuery } from '../src/audit/audit-query.ts'
import { resolveConfig } from '../src/config/config.ts'
import { blobFolder } from '../src/config/data-directory.ts'
import { createHealth } from '../src/health/health.ts'
import { createProbe, MIN_FREE_BYTES } from '../src/health/probe.ts'
import { SILENT, type Logger } from '../src/logger.ts'
import { startChores } from '../src/operations/chores.ts'
import { createRequestLog } from '../src/operations/request-log.ts'
import { OPERATION_MIGRATIONS } from '../src/stores/sqlite/operation-schema.ts'
import { watchResolver } from '../src/outbound/watched.ts'
import { watchForward } from '../src/proxy/watched-forward.ts'
import { openSqliteStores } from '../src/stores/sqlite/stores.ts'

const DAY = 24 * 60 * 60 * 1000

/** A logger that keeps level and message of each line. */
function listen(): { log: Logger; lines: string[] } {
  const lines: string[] = []
  const keep = (level: string) => (_: object, message: string) => void lines.push(`${level} ${message}`)
  return {
    log: { info: keep('info'), warn: keep('warn'), error: keep('error'), debug: keep('debug') },
    lines,
  }
}

describe('health', () => {
  test('a probe that does not end counts as failed, and is not begun beside another', async () => {
    let probes = 0
    const gate = Promise.withResolvers<void>()
    const { log, lines } = listen()
    const probe = (): Promise<void> => {
      probes += 1
      return gate.promise
    }
    const health = createHealth({ probe, log, everyMs: 1e6, timeoutMs: 50 })
    const asked = await Promise.all([health.check(), health.check(), health.check()])
    expect(asked).toEqual(Array.from({ length: 3 }, () => 'a write took longer than 50 ms'))
    expect(probes).toBe(1)
    expect(health.problem()).toBe('a write took longer than 50 ms')
    gate.resolve()
    expect([await health.check(), health.problem(), probes]).toEqual([null, null, 2])
    expect(lines).toEqual(['error the server cannot store data', 'info the server can store data again'])
    await health[Symbol.asyncDispose]()
  })

  test('a failed sync lasts until the restart, whatever later probes say', async () => {
    const { log, lines } = listen()
    const health = createHealth({ probe: () => Promise.resolve(), log, everyMs: 1e6 })
    await health.check()
    const cause = new SqliteError('sync-failed', 'fsync failed')
    health.observe(new Error('a request failed', { cause }))
    expect(health.problem()).toContain('a sync of the disk failed, restart the server')
    expect(await health.check()).toContain('a sync of the disk failed')
    health.observe(Object.assign(new Error('no space'), { code: 'ENOSPC' }))
    expect(health.problem()).toContain('a sync of the disk failed')
    expect(lines).toEqual(['error the server cannot store data'])
    await health[Symbol.asyncDispose]()
  })

  test('a disk with less than a megabyte counts as full', async () => {
    const dataDirectory = await mkdtemp(join(tmpdir(), 'avocet-pds-probe-'))
    const config = resolveConfig({ dataDirectory })
    const { db, vitals, log } = await openSqliteStores(config)
    onTestFinished(async () => {
      await db.close()
      await rm(dataDirectory, { recursive: true })
    })
    const probe = (free: number) =>
      createProbe(vitals, log, blobFolder(config), () => Promise.resolve(free))()
    await expect(probe(MIN_FREE_BYTES)).resolves.toBeUndefined()
    await expect(probe(MIN_FREE_BYTES - 1)).rejects.toMatchObject({ code: 'ENOSPC' })
  })
})

/** A clock that was right the last time, a moment ago. */
const clock = { last: () => Date.now(), believe: () => Promise.resolve() }

test('a stopping server waits for the chores that run', async () => {
  const gate = Promise.withResolvers<void>()
  const chores = await startChores({ byAge: [], others: [() => gate.promise] }, clock, SILENT)
  let ended = false
  const ending = chores[Symbol.asyncDispose]().then(() => (ended = true))
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(ended).toBe(false)
  gate.resolve()
  await ending
})

test('a chore that fails is told, and the others run', async () => {
  const { log, lines } = listen()
  let ran = 0
  const chores = await startChores(
    { byAge: [() => Promise.reject(new Error('x')), async () => ran++], others: [async () => ran++] },
    clock,
    log,
  )
  await chores[Symbol.asyncDispose]()
  expect([ran, lines]).toEqual([2, ['error a chore failed']])
})

describe('failures of others', () => {
  const counts = () => {
    const failed: string[] = []
    return { failed, counts: { failed: (service: string) => void failed.push(service), mail: () => {} } }
  }

  test('a caller who went away is none of the service', async () => {
    for (const [gone, told] of [
      [false, ['warn a service behind this server failed']],
      [true, []],
    ] as const) {
      const { log, lines } = listen()
      const caller = new AbortController()
      if (gone) caller.abort()
      const forward = watchForward(() => Promise.reject(new Error('x')), log, counts().counts)
      const call = forward(
        { nsid: 'a.b.c', signal: caller.signal } as never,
        'https://view.example.com',
        null,
      )
      await expect(call).rejects.toThrow('x')
      expect(lines).toEqual(told)
    }
  })

  test('a service that answers 5xx is told, one that refuses is not', async () => {
    for (const [status, told] of [
      [499, 0],
      [500, 1],
      [503, 1],
    ]) {
      const { log, lines } = listen()
      const forward = watchForward(
        () => Promise.resolve(new Response('', { status: status! })),
        log,
        counts().counts,
      )
      await forward(
        { nsid: 'a.b.c', signal: new AbortController().signal } as never,
        'https://a.example.com',
        null,
      )
      expect([status, lines.length]).toEqual([status, told])
    }
  })

  test('a directory that fails is told, a DID that nobody has is not, nor a host of somebody’s own', async () => {
    for (const [did, isTransient, told] of [
      ['did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', true, 1],
      ['did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', false, 0],
      ['did:web:a.example.com', true, 0],
    ] as const) {
      const { log, lines } = listen()
      const { failed, counts: counted } = counts()
      const error = Object.assign(new Error('x'), { code: 'http', status: 500, isTransient })
      const dids = watchResolver(
        { resolve: () => Promise.resolve({ ok: false, error }) } as never,
        log,
        counted,
      )
      await dids.resolve(did)
      expect([did, lines.length, failed.length]).toEqual([did, told, told])
    }
  })
})

test('a subscription that ends is no slow request, however long it took', () => {
  const { log, lines } = listen()
  const observe = createRequestLog(log, { enabled: true, slowMs: 100 })
  const report = { requestId: '1', nsid: 'a.b.c', address: null, status: 200, auth: undefined, length: null }
  const seen = (method: string, durationMs: number): string => {
    lines.length = 0
    observe({ ...report, method, durationMs } as unknown as RequestReport)
    return lines.join()
  }
  expect(seen('GET', 100)).toBe('warn slow request')
  expect(seen('GET', 99.9)).toBe('info request')
  expect(seen('WS', 1e6)).toBe('info request')
})

describe('the audit log', () => {
  const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
  const entry = (action: string, more: Partial<AuditEntry> = {}): AuditEntry => ({
    action,
    actor: 'account',
    did: DID,
    address: null,
    error: null,
    attempt: false,
    detail: {},
    ...more,
  })
  const open = () => {
    const db = openDatabase({ path: ':memory:' })
    migrate(db, 'operations', OPERATION_MIGRATIONS)
    const rows = openAudit(db)
    return { rows, actions: async () => (await rows.list({ limit: 100_000 })).map(({ action }) => action) }
  }

  test('is cut after five thousand entries, without waiting for its hour', async () => {
    const { rows, actions } = open()
    const audit = createAuditLog(rows, { maxAgeMs: DAY, attempts: 10, perAccount: 10, operator: 10 })
    const more = (count: number): Promise<unknown> =>
      Promise.all(Array.from({ length: count }, () => audit.record(entry('x', { attempt: true, did: null }))))
    await more(4999)
    expect(await actions()).toHaveLength(4999)
    await more(1)
    expect(await actions()).toHaveLength(10)
  })

  test('gives a thousand entries at most', async () => {
    const accounts = { get: () => null, byHandle: () => null }
    const read = (values: Record<string, string>) => readAuditQuery((name) => values[name], accounts)
    expect((await read({}))!.limit).toBe(100)
    expect((await read({ limit: '1000' }))!.limit).toBe(1000)
    expect((await read({ limit: '1001' }))!.limit).toBe(1000)
    expect(await read({ limit: '-1' })).toBe(null)
    expect(await read({ account: 'nobody.test' })).toBe(null)
    expect((await read({ account: DID }))!.did).toBe(DID)
    expect(await read({ since: 'yesterday' })).toBe(null)
  })
})
