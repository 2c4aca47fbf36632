// The page's event stream: a sample for those who watch, bounded for us.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { VerifiedOp } from '@avocet/firehose'
import { createLive, type Live } from '../src/http/live.ts'
import type { IndexNotice } from '../src/index/apply.ts'
import { loadPage } from '../src/http/page.ts'

const notice = (rkey: string, record: object = { text: rkey }, recordBytes = 10): IndexNotice => ({
  kind: 'records',
  context: { did: 'did:plc:a', rev: '3kxyzabcdef22', provenance: 'live', source: 'test', seq: 1, at: 1 },
  ops: [
    {
      logSeq: 1,
      action: 'create',
      collection: 'app.bsky.feed.post',
      rkey,
      cid: 'x',
      label: { validity: 'valid', reason: null },
      op: { record, recordBytes: new Uint8Array(recordBytes) } as unknown as VerifiedOp,
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

describe('files', () => {
  const page = loadPage()
  const ask = (path: string, headers: Record<string, string> = {}): Response | null =>
    page(path, new Request(`http://localhost${path}`, { headers }))

  test('the page and its parts, under a policy that lets nothing else in', () => {
    const response = ask('/')!
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'/)
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
