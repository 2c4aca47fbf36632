import { createKeypair } from '@avocet/crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  didForOperation,
  parseOperation,
  plcClient,
  registerDid,
  verifyLog,
  type LogEntry,
  type PlcClientOptions,
  type PlcResult,
} from '../src/index.ts'
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

describe('requests', () => {
  /** What is sent, and an answer for each. */
  const recorded = (answers: readonly [number, string][]) => {
    const sent: [string, RequestInit][] = []
    const fetch = (to: string, init: RequestInit): Promise<Response> => {
      const [status, body] = answers[Math.min(sent.length, answers.length - 1)]!
      sent.push([to, init])
      return Promise.resolve(new Response(body, { status }))
    }
    return { sent, fetch }
  }

  it('go to the paths of the directory, as what they ask for', async () => {
    const { sent, fetch } = recorded([[404, '']])
    const to = plcClient({ url: 'https://plc.test///', fetch })
    await to.resolve(did)
    await to.data(did)
    await to.log(did)
    await to.auditLog(did)
    await to.lastOperation(did)
    expect(sent.map(([path]) => path)).toEqual(
      ['', '/data', '/log', '/log/audit', '/log/last'].map((path) => `https://plc.test/${did}${path}`),
    )
    for (const [, { method, headers }] of sent) {
      expect([method, headers]).toEqual([undefined, { accept: 'application/json' }])
    }
    expect(await plcClient({ fetch }).submit(did, genesis)).toMatchObject({ error: { code: 'not-found' } })
    expect(sent.at(-1)).toMatchObject([
      `https://plc.directory/${did}`,
      { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(genesis) },
    ])
  })

  it('hand an operation in, whatever is answered to it', async () => {
    const { fetch } = recorded([[200, 'no JSON']])
    expect(await plcClient({ fetch }).submit(did, genesis)).toEqual({ ok: true, value: undefined })
  })

  it.each<[number, string]>([
    [400, 'rejected'],
    [499, 'rejected'],
    [500, 'network'],
    [302, 'network'],
    [410, 'tombstoned'],
    [429, 'rate-limited'],
  ])('that are answered %i fail with %s and the status', async (status, code) => {
    const { fetch } = recorded([[status, '{"message":1}']])
    const result = await plcClient({ fetch }).data(did)
    expect(result).toMatchObject({ error: { code, status } })
    expect(result.ok ? '' : result.error.message).not.toContain('message=')
  })

  it('page an export from the last entry, and stop at a short page', async () => {
    const lines = (count: number, from: number): string =>
      Array.from({ length: count }, (_, i) => JSON.stringify(logEntry(did, genesis, from + i))).join('\n')
    const { sent, fetch } = recorded([
      [200, lines(2, 0)],
      [200, lines(2, 2)],
      [200, lines(1, 4)],
    ])
    const times: string[] = []
    const options = { after: '2025-01-01T00:00:00.000Z', pageSize: 2 }
    for await (const { createdAt } of plcClient({ fetch }).export(options)) times.push(createdAt)
    expect(times).toEqual([0, 1, 2, 3, 4].map((hour) => logEntry(did, genesis, hour).createdAt))
    expect(sent.map(([to]) => Object.fromEntries(new URL(to).searchParams))).toEqual(
      [options.after, times[1], times[3]].map((after) => ({ count: '2', after })),
    )
    expect(sent[0]![1].headers).toEqual({ accept: 'application/jsonlines' })
    const all = recorded([[200, '']])
    for await (const _ of plcClient({ fetch: all.fetch }).export()) expect.fail('has an entry')
    expect(all.sent.map(([to]) => to)).toEqual(['https://plc.directory/export?count=1000'])
  })

  it('carry the signal of the caller, an export too', async () => {
    const aborted = AbortSignal.abort()
    const fetch = (_: string, { signal }: RequestInit): Promise<Response> => {
      signal!.throwIfAborted()
      return Promise.resolve(new Response(''))
    }
    const signal = { signal: aborted }
    const never = plcClient({ fetch })
    for (const method of ['resolve', 'data', 'log', 'auditLog', 'lastOperation'] as const) {
      expect(codeOf(await never[method](did, signal)), method).toBe('aborted')
    }
    expect(codeOf(await never.submit(did, genesis, signal))).toBe('aborted')
    await expect(never.export(signal).next()).rejects.toMatchObject({ code: 'aborted' })
  })

  it.each(['answer that is too large', 'refusal that is too large'])('let go of an %s', async (what) => {
    const canceled: unknown[] = []
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1000).fill(0x78)),
      cancel: (reason) => void canceled.push(reason),
    })
    const status = what.startsWith('refusal') ? 400 : 200
    const fetch = (): Promise<Response> => Promise.resolve(new Response(body, { status }))
    const result = await plcClient({ fetch, maxBytes: 10_000 }).resolve(did)
    expect(codeOf(result)).toBe('too-large')
    expect(canceled).toHaveLength(1)
  })

  it('take an answer of exactly the bound', async () => {
    const text = JSON.stringify({ id: did })
    const answerOf = (extra: string) =>
      plcClient({ fetch: recorded([[200, text + extra]]).fetch, maxBytes: text.length }).resolve(did)
    expect(codeOf(await answerOf(''))).toBe('ok')
    expect(codeOf(await answerOf(' '))).toBe('too-large')
  })

  it('take a line of 128 KiB and as many lines as were asked for', async () => {
    const line = JSON.stringify(entry)
    const pages = async (body: string, pageSize: number): Promise<string> => {
      try {
        for await (const _ of plcClient({
          fetch: recorded([
            [200, body],
            [200, ''],
          ]).fetch,
        }).export({ pageSize }));
        return 'ok'
      } catch (error) {
        return (error as { code: string }).code
      }
    }
    expect(await pages(line.padEnd(128 * 1024), 5)).toBe('ok')
    expect(await pages(line.padEnd(128 * 1024 + 1), 5)).toBe('too-large')
    expect(await pages(`${line}\n`.repeat(2), 2)).toBe('ok')
    expect(await pages(`${line}\n${line}`, 2)).toBe('ok')
    expect(await pages(`${line}\n`.repeat(3), 2)).toBe('too-large')
    expect(await pages(`${line}\n${line}\n${line}`, 2)).toBe('too-large')
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

describe('registerDid', () => {
  const rotation = createKeypair('p256')
  const signing = createKeypair('k256')
  const identity = {
    rotationKeys: [rotation.didKey],
    signingKey: signing.didKey,
    handle: 'anna.test',
    pds: 'https://pds.test',
  }

  it('hands in a signed genesis, whose DID it returns', async () => {
    const handed: { url: string; body: unknown }[] = []
    const fetch = async (at: string, { body }: RequestInit): Promise<Response> => {
      handed.push({ url: at, body: JSON.parse(body as string) })
      return new Response('')
    }
    const made = await registerDid(plcClient({ url: 'https://plc.test', fetch }), identity, rotation)
    const operation = parseOperation(handed[0]!.body)
    if (!made.ok || !operation.ok) throw new Error('refused')
    expect(handed.map((one) => one.url)).toEqual([`https://plc.test/${made.value}`])
    expect(made.value).toBe(didForOperation(operation.value))
    const log = verifyLog(made.value, [operation.value])
    expect(log.ok && log.value.data).toMatchObject({
      alsoKnownAs: ['at://anna.test'],
      verificationMethods: { atproto: signing.didKey },
    })
  })

  it('gives the refusal of the directory', async () => {
    answer(400, { message: 'Invalid Signature' })
    expect(codeOf(await registerDid(client(), identity, rotation))).toBe('rejected')
  })
})
