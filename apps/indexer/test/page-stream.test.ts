// The page's event stream: a sample for those who watch, bounded for us.

import { cidForCbor } from '@avocet/data'
import type { VerifiedOp } from '@avocet/firehose'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createLive, type Live } from '../src/http/live.ts'
import type { IndexNotice } from '../src/index/apply.ts'
import { loadPage } from '../src/http/page.ts'

const CID = cidForCbor(Uint8Array.of(0xa0))
const notice = (rkey: string, record: object = { text: rkey }, recordBytes = 10): IndexNotice => ({
  kind: 'records',
  context: { did: 'did:plc:a', rev: '3kxyzabcdef22', provenance: 'live', source: 'test', seq: 1, at: 1 },
  ops: [
    {
      logSeq: 1,
      action: 'create',
      collection: 'app.bsky.feed.post',
      rkey,
      label: { validity: 'valid', reason: null },
      op: { cid: CID, record, recordBytes: new Uint8Array(recordBytes) } as unknown as VerifiedOp,
    },
  ],
})

let live: Live
beforeEach(() => {
  live = createLive({
    status: () => ({ ok: true }),
    handleOf: (did) => (did === 'did:plc:a' ? 'ada.test' : null),
  })
})
afterEach(() => live.close())

async function readText(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read()
  return new TextDecoder().decode(value)
}

describe('event stream', () => {
  test('a page gets the newest records and the status when it opens, then what happens', async () => {
    live.notice(notice('before'))
    const response = live.connect(new AbortController().signal)
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    const reader = response.body!.getReader()
    const first = await readText(reader)
    expect(first).toMatch(
      /event: record\ndata: .*"rkey":"before".*\n\nevent: status\ndata: \{"ok":true\}\n\n$/,
    )
    live.notice(notice('now', { subject: { uri: 'at://did:plc:a/app.bsky.feed.post/1' } }))
    expect(await readText(reader)).toContain('"handle":"ada.test"')
    await reader.cancel()
  })

  test('what a record says is cut to a line and cannot end the message', async () => {
    const reader = live.connect(new AbortController().signal).body!.getReader()
    await readText(reader)
    live.notice(notice('x', { text: `a\n\nevent: status\ndata: {}\n\n${'y'.repeat(1000)}` }))
    const text = await readText(reader)
    expect(text.match(/\n\n/g)).toHaveLength(1)
    expect(text.length).toBeLessThan(700)
    await reader.cancel()
  })

  test.each<[string, object | null, string | null]>([
    ['a post', { text: 'hello', name: 'x' }, 'hello'],
    ['what has no text', { text: '', displayName: 'Ada' }, 'Ada'],
    ['a list', { name: 'friends', description: 'x' }, 'friends'],
    ['a long text', { text: 'y'.repeat(201) }, `${'y'.repeat(199)}…`],
    ['a text that fits', { text: 'y'.repeat(200) }, 'y'.repeat(200)],
    ['a follow', { subject: 'did:plc:a' }, '→ ada.test'],
    ['a like', { subject: { uri: 'at://did:plc:b/a.b.c/1' } }, '→ did:plc:b a.b.c/1'],
    ['anything else', { subject: 5, text: 5 }, null],
    ['what is no record', null, null],
  ])('%s is shown as a line', async (_what, record, text) => {
    const reader = live.connect(new AbortController().signal).body!.getReader()
    await readText(reader)
    live.notice(notice('x', record as object))
    const sent = /^data: (.*)$/m.exec(await readText(reader))![1]!
    expect((JSON.parse(sent) as { text: unknown }).text).toBe(text)
    await reader.cancel()
  })

  test('a record of more than 64 KiB is not decoded to be shown', async () => {
    const reader = live.connect(new AbortController().signal).body!.getReader()
    await readText(reader)
    for (const [length, text] of [
      [64 * 1024, '"text":"hello"'],
      [64 * 1024 + 1, '"text":null'],
    ] as const) {
      live.notice(notice('x', { text: 'hello' }, length))
      expect(await readText(reader)).toContain(text)
    }
    await reader.cancel()
  })

  test('more than eyes can follow is a sample', async () => {
    const reader = live.connect(new AbortController().signal).body!.getReader()
    await readText(reader)
    for (let i = 0; i < 1000; i++) live.notice(notice(`r${i}`))
    let shown = 0
    for (let text = ''; !text.includes('event: status');) {
      text = await readText(reader)
      shown += text.match(/event: record/g)?.length ?? 0
    }
    expect(shown).toBe(25)
    await reader.cancel()
  })

  test('one that left is forgotten; too many are refused', async () => {
    const gone = new AbortController()
    const left = live.connect(gone.signal).body!.getReader()
    await readText(left)
    gone.abort()
    expect(await left.read()).toEqual({ done: true, value: undefined })
    const answers = Array.from({ length: 201 }, () => live.connect(new AbortController().signal).status)
    expect(answers.filter((status) => status === 200)).toHaveLength(200)
    expect(answers.at(-1)).toBe(503)
  })
})

/** The next messages that a page is sent. */
async function readMessages(reader: ReadableStreamDefaultReader<Uint8Array>, count: number): Promise<string> {
  let text = ''
  for (let i = 0; i < count; i++) text += await readText(reader)
  return text
}
const failure = (reason: 'signature-invalid' | 'duplicate'): IndexNotice => ({
  kind: 'failure',
  failure: { kind: 'failure', source: 's', seq: 1, did: null, reason, message: 'm'.repeat(1000) },
  at: 1,
})

describe('bounds of the event stream', () => {
  afterEach(() => vi.useRealTimers())

  test('a page that opens sees the last forty records', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const watched = createLive({ status: () => ({}), handleOf: () => null })
    for (let i = 0; i < 50; i++) {
      if (i % 25 === 0) vi.advanceTimersByTime(1000)
      watched.notice(notice(`r${i}`))
    }
    const first = await readText(watched.connect(new AbortController().signal).body!.getReader())
    expect(first.match(/"rkey":"r\d+"/g)).toEqual(Array.from({ length: 40 }, (_, i) => `"rkey":"r${i + 10}"`))
    watched.close()
  })

  test('25 records and 25 failures are shown each second, and what was not needed never', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const watched = createLive({ status: () => ({}), handleOf: () => null })
    const reader = watched.connect(new AbortController().signal).body!.getReader()
    await readText(reader)
    for (let second = 0; second < 2; second++) {
      for (let i = 0; i < 40; i++) {
        watched.notice(notice(`r${i}`))
        watched.notice(failure('duplicate'))
        watched.notice(failure('signature-invalid'))
      }
      const text = await readMessages(reader, 50)
      expect(text.match(/event: record/g)).toHaveLength(25)
      expect(text.match(/"reason":"signature-invalid".*?"message":"m{300}"/g)).toHaveLength(25)
      expect(text).not.toContain('duplicate')
      vi.advanceTimersByTime(1000)
      expect(await readText(reader)).toBe('event: status\ndata: {}\n\n')
    }
    watched.close()
  })

  test('one that does not read is closed when 272 messages wait', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const watched = createLive({ status: () => ({}), handleOf: () => null })
    const slow = watched.connect(new AbortController().signal).body!.getReader()
    const quick = watched.connect(new AbortController().signal).body!.getReader()
    let read = 0
    for (let second = 0; second < 400; second++) {
      vi.advanceTimersByTime(1000)
      read += (await quick.read()).done ? 0 : 1
    }
    expect(read).toBe(400)
    // What waited is still there; then it ends, and the page connects again.
    let messages = 0
    while (!(await slow.read()).done) messages++
    expect(messages).toBe(272)
    watched.close()
  })

  test('a page that goes gives its place back', async () => {
    const pages = Array.from({ length: 8 }, () => live.connect(new AbortController().signal, '192.0.2.1'))
    expect(live.connect(new AbortController().signal, '192.0.2.1').status).toBe(429)
    await pages[0]!.body!.cancel()
    expect(live.connect(new AbortController().signal, '192.0.2.1').status).toBe(200)
  })
})

describe('files', () => {
  const page = loadPage()
  const ask = (path: string, headers: Record<string, string> = {}): Response | null =>
    page(path, new Request(`http://localhost${path}`, { headers }))

  test('the page and its parts, under a policy that lets nothing else in', () => {
    const response = ask('/')!
    const policy = response.headers.get('content-security-policy')!
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/)
    expect(policy).toMatch(/require-trusted-types-for 'script'; trusted-types 'none'$/)
    expect(policy).not.toContain('unsafe')
    expect(ask('/page/main.js')!.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
    expect(ask('/', { 'if-none-match': response.headers.get('etag')! })!.status).toBe(304)
  })

  test.each([
    '/page/',
    '/page/../package.json',
    '/page/%2e%2e/package.json',
    '/index.html',
    '/page/nothing.js',
  ])('there is no %s', (path) => {
    expect(page(path, new Request('http://localhost/'))).toBeNull()
  })
})
