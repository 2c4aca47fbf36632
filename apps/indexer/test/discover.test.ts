// One list of one host: what of an answer is believed, and how the list goes on after a failure or a restart.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openIndexDatabase } from '../src/database/open.ts'
import { createListRepos, discover, type ListedRepo, type ListRepos } from '../src/sync/discover.ts'
import { pass, stopTime } from './support/time.ts'

const HOST = 'https://host.example'
const { signal } = new AbortController()
const ada = { did: 'did:web:ada.example', rev: '3kaaaaaaaaa2a', active: true }

describe('an answer', () => {
  const read = async (body: BodyInit | object, status = 200): ReturnType<ListRepos> => {
    const isText = typeof body === 'string' || body instanceof Uint8Array
    const response = new Response((isText ? body : JSON.stringify(body)) as BodyInit, { status })
    return createListRepos(async () => response)(HOST, null, signal)
  }
  const entries = async (...repos: unknown[]): Promise<ListedRepo[]> => (await read({ repos })).repos

  test('asks for a thousand entries, after the cursor', async () => {
    const asked: string[] = []
    const list = createListRepos(async (url) => {
      asked.push(url)
      return Response.json({ repos: [] })
    })
    await list(HOST, null, signal)
    await list(HOST, 'a&b', signal)
    expect(asked).toEqual([
      `${HOST}/xrpc/com.atproto.sync.listRepos?limit=1000`,
      `${HOST}/xrpc/com.atproto.sync.listRepos?limit=1000&cursor=a%26b`,
    ])
  })

  test('an entry is active unless it says that it is not', async () => {
    expect(await entries(ada, { ...ada, active: undefined }, { ...ada, active: false })).toMatchObject([
      { active: true },
      { active: true },
      { active: false },
    ])
  })

  test('entries without a DID are left out; what else is no text is none; a status is cut', async () => {
    const odd = { ...ada, rev: 5, status: 'x'.repeat(100) }
    expect(await entries({ ...ada, did: 'ada.example' }, {}, null, 'did:web:a', odd)).toEqual([
      { did: ada.did, rev: null, active: true, status: 'x'.repeat(64) },
    ])
  })

  test('no more than a thousand entries of a page are looked at', async () => {
    expect(await entries(...Array.from({ length: 1000 }, () => ada))).toHaveLength(1000)
    expect(await entries(...Array.from({ length: 1001 }, () => ada))).toHaveLength(1000)
  })

  test('an empty cursor is the end; one of more than 1024 characters is refused', async () => {
    const cursor = 'c'.repeat(1024)
    expect(await read({ repos: [], cursor: '' })).toEqual({ repos: [], cursor: null })
    expect(await read({ repos: [], cursor })).toEqual({ repos: [], cursor })
    await expect(read({ repos: [], cursor: `${cursor}c` })).rejects.toThrow('cursor is too long')
  })

  test('of more than four megabytes is refused', async () => {
    const body = '{"repos":[]}'.padEnd(4 * 1024 ** 2)
    expect(await read(body)).toEqual({ repos: [], cursor: null })
    await expect(read(`${body} `)).rejects.toThrow('answer is too large')
  })

  test.each([
    ['an error', { repos: [] }, 503, 'status=503'],
    ['no list', { repos: {} }, 200, 'answer has no repos'],
    ['no JSON', 'x', 200, 'Unexpected token'],
  ])('%s is refused', async (_case, body, status, message) => {
    await expect(read(body, status)).rejects.toThrow(message)
  })
})

describe('a list', () => {
  let db: ReturnType<typeof openIndexDatabase>
  let troubles: string[]
  beforeEach(() => {
    stopTime()
    db = openIndexDatabase(null)
    troubles = []
  })
  afterEach(() => {
    vi.useRealTimers()
    db.close()
  })
  const start = (
    listRepos: ListRepos,
    onPage: Parameters<typeof discover>[0]['onPage'] = async () => true,
    until: AbortSignal = signal,
  ): Promise<boolean> =>
    discover({
      db,
      host: HOST,
      listRepos,
      onPage,
      onTrouble: (message) => troubles.push(message),
      now: Date.now,
      signal: until,
    })
  const row = (): unknown => db.prepare('SELECT cursor, seen, finished_at FROM discovery').get()

  test('goes on after a restart with the page that was not done', async () => {
    const stop = new AbortController()
    const pages: ListRepos = async (_host, cursor) => ({
      repos: [ada] as ListedRepo[],
      cursor: cursor === null ? 'two' : cursor === 'two' ? 'three' : null,
    })
    let done = 0
    const interrupted = start(
      pages,
      async () => {
        if (++done === 2) {
          stop.abort()
          throw new Error('ended in the middle of the second page')
        }
        return true
      },
      stop.signal,
    )
    await interrupted
    expect(row()).toEqual({ cursor: 'two', seen: 1, finished_at: null })
    const asked: (string | null)[] = []
    await start((host, cursor, until) => {
      asked.push(cursor)
      return pages(host, cursor, until)
    })
    expect(asked).toEqual(['two', 'three'])
    expect(row()).toEqual({ cursor: null, seen: 3, finished_at: Date.now() })
    expect(troubles).toEqual([])
  })

  test('speaks of the moment it was asked for, not of when the answer came', async () => {
    const asked = Date.now()
    const times: number[] = []
    const reading = start(
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 5000))
        return { repos: [], cursor: null }
      },
      async (_repos, at) => times.push(at) > 0,
    )
    await pass(5000)
    await reading
    expect(times).toEqual([asked])
    expect(row()).toMatchObject({ finished_at: asked + 5000 })
  })

  test('that is left begins anew the next time', async () => {
    const asked: (string | null)[] = []
    const pages: ListRepos = async (_host, cursor) => {
      asked.push(cursor)
      return { repos: [], cursor: `${asked.length}` }
    }
    await start(pages, async () => asked.length < 2)
    await start(pages, async () => false)
    expect(asked).toEqual([null, '1', null])
  })

  test.each([
    [2, 3, []],
    [3, 4, []],
    [4, 4, [`the list of ${HOST} goes round or has no end; it was left after 3 pages`]],
  ])('of %i more pages is read, of which three may follow: %i', async (more, pages, said) => {
    let asked = 0
    await discover({
      db,
      host: HOST,
      listRepos: async () => ({ repos: [], cursor: asked++ < more ? `${asked}` : null }),
      onPage: async () => true,
      onTrouble: (message) => troubles.push(message),
      now: Date.now,
      signal,
      maxPages: 3,
    })
    expect([asked, troubles]).toEqual([pages, said])
  })

  test('is asked for again after 1 s, 2 s, … 5 min; after an answer after 1 s', async () => {
    const stop = new AbortController()
    const asked: number[] = []
    const begun = Date.now()
    let isUp = false
    const reading = start(
      async () => {
        asked.push((Date.now() - begun) / 1000)
        if (!isUp) throw new Error('down')
        isUp = false
        return { repos: [], cursor: `${asked.length}` }
      },
      async () => true,
      stop.signal,
    )
    await pass(1_200_000)
    expect(asked).toEqual([0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 811, 1111])
    isUp = true
    await pass(211_000)
    for (let i = 0; i < 8; i++) await pass(1000)
    expect(asked.slice(12)).toEqual([1411, 1411, 1412, 1414, 1418])
    stop.abort()
    await reading
    expect(new Set(troubles)).toEqual(new Set([`cannot list the repos of ${HOST}, trying again: down`]))
  })
})
