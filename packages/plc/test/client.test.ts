import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { plcClient, type LogEntry, type PlcClientOptions, type PlcResult } from '../src/index.ts'
import { createAccount, logEntry } from './support.ts'

// Directories that are slow, broken or hostile. The real one is in apps/plc-directory and its tests.
let handler: RequestListener = (_, response) => response.end()
const server = createServer((request, response) => handler(request, response))
let url = ''

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
})

const { did, genesis } = await createAccount()
const entry = logEntry(did, genesis, 0)
const client = (options: PlcClientOptions = {}) => plcClient({ url, timeoutMs: 20_000, ...options })
const answer = (status: number, body: unknown): void => {
  handler = (_, response) =>
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
}
const codeOf = (result: PlcResult<unknown>): string => (result.ok ? 'ok' : result.error.code)

describe('answers', () => {
  it.each<[number, unknown, string]>([
    [404, { message: 'DID not registered: x' }, 'not-found'],
    [404, 'no JSON', 'not-found'],
    [410, { message: 'DID not available: x' }, 'tombstoned'],
    [404, { message: 'DID not available: x' }, 'tombstoned'],
    [400, { message: 'Invalid Signature' }, 'rejected'],
    [429, {}, 'rate-limited'],
    [500, {}, 'network'],
    [503, '<html>', 'network'],
    [200, 'no JSON', 'invalid-response'],
    [200, null, 'invalid-response'],
    [200, { id: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }, 'invalid-response'],
    [200, { id: did, service: 'x' }, 'invalid-response'],
    [200, { id: did }, 'ok'],
  ])('%i %j is %s', async (status, body, code) => {
    answer(status, body)
    expect(codeOf(await client().resolve(did))).toBe(code)
  })

  it('carries the status and the directory’s reason', async () => {
    answer(400, { message: 'Invalid Signature' })
    const result = await client().submit(did, genesis)
    expect(result).toMatchObject({ error: { code: 'rejected', status: 400 } })
    expect(result.ok ? '' : result.error.message).toContain('Invalid Signature')
  })

  it.each<['data' | 'log' | 'auditLog' | 'lastOperation', unknown, string]>([
    ['data', { did, rotationKeys: [], verificationMethods: {}, alsoKnownAs: [], services: {} }, 'ok'],
    [
      'data',
      { did: 'did:plc:x', rotationKeys: [], verificationMethods: {}, alsoKnownAs: [], services: {} },
      'invalid-response',
    ],
    ['data', { did, rotationKeys: 'x' }, 'invalid-response'],
    [
      'data',
      { did, rotationKeys: [], verificationMethods: {}, alsoKnownAs: [], services: {}, type: 'create' },
      'ok',
    ],
    ['log', [genesis], 'ok'],
    ['log', {}, 'invalid-operation'],
    ['log', [{ ...genesis, extra: 1 }], 'invalid-operation'],
    ['auditLog', [entry], 'ok'],
    ['auditLog', [genesis], 'invalid-operation'],
    ['lastOperation', genesis, 'ok'],
    ['lastOperation', [], 'invalid-operation'],
  ])('%s %#', async (method, body, code) => {
    answer(200, body)
    expect(codeOf(await client()[method](did))).toBe(code)
  })
})

describe('bounds', () => {
  it('ends an answer that is too large, a refusal too', async () => {
    answer(200, JSON.stringify({ id: did, x: 'x'.repeat(100_000) }))
    expect(codeOf(await client({ maxBytes: 50_000 }).resolve(did))).toBe('too-large')
    answer(400, 'x'.repeat(1_000_000))
    expect(codeOf(await client().resolve(did))).toBe('too-large')
  })

  it('ends in time, and when the caller gives up', async () => {
    handler = (_, response) => response.write('{')
    expect(codeOf(await client({ timeoutMs: 100 }).resolve(did))).toBe('timeout')
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 30)
    expect(codeOf(await client().resolve(did, { signal: controller.signal }))).toBe('aborted')
  })

  it('reports a directory that is not there', async () => {
    expect(codeOf(await client({ url: 'http://127.0.0.1:1' }).resolve(did))).toBe('network')
  })
})

describe('export', () => {
  const collect = async (pageSize?: number): Promise<LogEntry[]> => {
    const entries: LogEntry[] = []
    for await (const item of client().export(pageSize === undefined ? {} : { pageSize })) entries.push(item)
    return entries
  }

  it('reads lines however the network cuts them', async () => {
    const text = `${JSON.stringify(entry)}\n\n${JSON.stringify({ ...entry, operation: { ...genesis, alsoKnownAs: ['at://å.test'] } })}\n`
    const bytes = Buffer.from(text)
    handler = (_, response) => {
      for (let i = 0; i < bytes.length; i += 7) response.write(bytes.subarray(i, i + 7))
      response.end()
    }
    const entries = await collect()
    expect(entries).toHaveLength(2)
    expect(entries[1]?.operation).toMatchObject({ alsoKnownAs: ['at://å.test'] })
  })

  it('is not kept for ever by a directory that repeats itself', async () => {
    answer(200, JSON.stringify(entry))
    await expect(collect(1)).rejects.toMatchObject({ code: 'invalid-response' })
  })

  it.each<[string, string, string]>([
    ['a line that is no entry', '{}', 'invalid-operation'],
    ['a line that is no JSON', 'x', 'invalid-operation'],
    ['an endless line', 'x'.repeat(300_000), 'too-large'],
    ['more lines than were asked for', `${JSON.stringify(entry)}\n`.repeat(3), 'too-large'],
  ])('throws on %s', async (_, body, code) => {
    answer(200, body)
    await expect(collect(2)).rejects.toMatchObject({ code })
  })

  it('throws on a refusal', async () => {
    answer(429, {})
    await expect(collect()).rejects.toMatchObject({ code: 'rate-limited' })
  })

  it('is empty when there is nothing', async () => {
    answer(200, '')
    expect(await collect()).toEqual([])
  })
})
