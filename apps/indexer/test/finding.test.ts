// Who has what is wanted: hosts that say so, hosts that cannot, and hosts that lie.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Listed } from '@avocet/firehose'
import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openIndexDatabase } from '../src/database/open.ts'
import type { ListedHost } from '../src/sync/discovery.ts'
import { type Finding, type FindingOptions, startFinding } from '../src/sync/finding.ts'
import { openWanted, type Wanted } from '../src/sync/wanted.ts'
import { eventually, startIndexer } from './support/indexer.ts'
import { documents, LIKE, NOTE } from './support/notes.ts'
import { type Answers, type Pds, startPds } from './support/pds.ts'

const did = (i: number | string): Did => `did:web:a${i}.example`
const json = (response: ServerResponse, body: object): void => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body))
}

let db: ReturnType<typeof openIndexDatabase>
let finding: Finding | undefined
let pds: Pds | undefined
beforeEach(() => {
  db = openIndexDatabase(null)
})
afterEach(async () => {
  await finding?.stop()
  await pds?.[Symbol.asyncDispose]()
  finding = undefined
  pds = undefined
  db.close()
})

type Seen = { listed: Listed[]; rests: number; gapAt: number | null; troubles: string[]; wanted: Wanted }

async function find(
  answers: Answers,
  host: Partial<ListedHost> = {},
  options: Partial<FindingOptions> & { collections?: string[]; isKnown?: (did: string) => boolean } = {},
): Promise<Seen> {
  pds = await startPds(answers)
  const collections = options.collections ?? [NOTE]
  const flags = { everything: false, collections, signal: null, repos: [] }
  const wanted = options.wanted ?? openWanted(db, flags, Date.now)
  const seen: Seen = { listed: [], rests: 0, gapAt: null, troubles: [], wanted }
  finding = startFinding({
    db,
    hosts: [{ url: pds.url, source: 's', own: false, ...host }],
    wanted,
    dids: [],
    known: () => [NOTE, LIKE, 'app.bsky.feed.post'],
    fetch,
    isFollowed: (one) => seen.listed.some((listed) => listed.did === one),
    consumer: {
      async requestResync() {},
      async reportListed(listed) {
        if (options.isKnown?.(listed.did) === false) return false
        seen.listed.push(listed)
        return true
      },
      async confirmRest() {
        seen.rests++
      },
      gapAt: () => seen.gapAt,
    },
    onTrouble: (message) => seen.troubles.push(message),
    now: Date.now,
    headStartMs: 0,
    ...options,
  })
  return seen
}
const found = ({ listed }: Seen): string[] => listed.map((one) => one.did)
const states = (): string[] =>
  finding!.status().map(({ by, collections, state }) => `${by} ${collections.join()} ${state}`)

describe('a host that lists by collection', () => {
  test('is asked page by page for each collection, and each repo is begun', async () => {
    const asked: string[] = []
    const seen = await find(
      {
        listReposByCollection(params, response) {
          asked.push(`${params.get('collection')} ${params.get('cursor')}`)
          if (params.get('collection') === LIKE) return json(response, { repos: [] })
          if (params.get('cursor') !== null) return json(response, { repos: [{ did: did(2) }] })
          return json(response, { repos: [{ did: did(1) }, { did: 'a.example' }, null], cursor: 'b' })
        },
      },
      {},
      { collections: [NOTE, LIKE] },
    )
    await eventually(() => seen.rests === 1)
    expect(asked).toEqual([`${NOTE} null`, `${NOTE} b`, `${LIKE} null`])
    expect(found(seen)).toEqual([did(1), did(2)])
    expect(seen.listed[0]).toMatchObject({
      rev: null,
      status: 'active',
      own: false,
      source: 's',
      follow: true,
    })
    expect(states()).toEqual([`list ${NOTE} read`, `list ${LIKE} read`])
    expect(finding!.status()[0]).toMatchObject({ host: pds!.url, named: 2, readAt: expect.any(Number) })
  })

  test('goes on after a restart where it was, is asked again after a gap, and at once for what is new', async () => {
    const asked: string[] = []
    const answers: Answers = {
      listReposByCollection(params, response) {
        asked.push(`${params.get('collection')} ${params.get('cursor')}`)
        json(response, { repos: [] })
      },
    }
    db.prepare('INSERT INTO discovery (host, cursor, seen) VALUES (?, ?, 0)').run('', null)
    const seen = await find(answers)
    await eventually(() => seen.rests === 1)
    await seen.wanted.choose('collection', [LIKE], true)
    await eventually(() => seen.rests === 2)
    expect(asked).toEqual([`${NOTE} null`, `${LIKE} null`])
    seen.gapAt = Date.now()
    await eventually(() => seen.rests === 3)
    expect(asked.slice(2)).toEqual([`${NOTE} null`, `${LIKE} null`])
    await finding!.stop()
    db.prepare('UPDATE discovery SET cursor = ? WHERE host LIKE ?').run('left', `%${NOTE}`)
    const { url } = pds!
    const again = await find(answers, { url })
    await eventually(() => again.rests === 1)
    expect(asked.slice(4)).toEqual([`${NOTE} left`, `${LIKE} null`])
  })

  test('a list that fails holds up no others of its host, and is asked for again', async () => {
    let isBroken = true
    let now = Date.now()
    const seen = await find(
      {
        listReposByCollection(params, response) {
          const isNote = params.get('collection') === NOTE
          if (isNote && isBroken) response.writeHead(500).end()
          else json(response, { repos: [{ did: did(isNote ? 1 : 2) }] })
        },
      },
      {},
      { collections: [NOTE, LIKE], now: () => now },
    )
    await eventually(() => seen.rests === 1)
    expect(found(seen)).toEqual([did(2)])
    expect(states()).toEqual([`list ${NOTE} failing`, `list ${LIKE} read`])
    expect(seen.troubles).toHaveLength(3)
    isBroken = false
    now += 300_000
    await eventually(() => seen.rests === 2)
    expect(found(seen)).toEqual([did(2), did(1)])
    expect(states()).toEqual([`list ${NOTE} read`, `list ${LIKE} read`])
  })

  test('of a namespace the names that are known are asked for', async () => {
    const asked: (string | null)[] = []
    const seen = await find(
      {
        listReposByCollection(params, response) {
          asked.push(params.get('collection'))
          json(response, { repos: [] })
        },
      },
      {},
      { collections: ['com.example.*'] },
    )
    await eventually(() => seen.rests === 1)
    expect(asked).toEqual([NOTE, LIKE])
  })

  test('the lexicons that it is given say which names a namespace has', async () => {
    const asked = new Set<string | null>()
    pds = await startPds({
      listReposByCollection(params, response) {
        asked.add(params.get('collection'))
        json(response, { repos: [] })
      },
    })
    const folder = mkdtempSync(join(tmpdir(), 'avocet-finding-'))
    writeFileSync(join(folder, 'note.json'), JSON.stringify(documents()[0]))
    const source = { url: pds.url.replace('http', 'ws'), kind: 'relay', start: 'live' } as const
    const options = { sources: [source], collections: ['com.example.*'], lexicons: [folder] }
    await using _ = await startIndexer({ wsUrl: source.url, plcUrl: pds.url }, options)
    await eventually(() => asked.size > 0)
    expect([...asked]).toEqual([NOTE])
    rmSync(folder, { recursive: true })
  })

  test('who is followed already, and who was removed, is not looked up', async () => {
    const seen = await find(
      {
        listReposByCollection: (params, response) =>
          json(response, {
            repos: params.get('cursor') === null ? [{ did: did(1) }, { did: did(2) }] : [{ did: did(1) }],
            ...(params.get('cursor') === null ? { cursor: 'b' } : {}),
          }),
      },
      {},
      { wanted: await removed(did(2)) },
    )
    await eventually(() => seen.rests === 1)
    expect(found(seen)).toEqual([did(1)])
  })
  const removed = async (one: string): Promise<Wanted> => {
    const wanted = openWanted(
      db,
      { everything: false, collections: [NOTE], signal: null, repos: [] },
      Date.now,
    )
    await wanted.choose('repo', [one], false)
    return wanted
  }
})

describe('a host that does not', () => {
  test.each([401, 404, 501])(
    'a relay that answers %i: it is said once, and nothing else is asked',
    async (status) => {
      const seen = await find({
        listReposByCollection: (_, response) => response.writeHead(status).end('{}'),
      })
      await eventually(() => seen.troubles.length > 0)
      expect(states()).toEqual([`list ${NOTE} unsupported`])
      expect(seen.troubles).toEqual([expect.stringMatching(/does not list repos by collection.*--directory/)])
      expect([pds!.asked('listReposByCollection'), pds!.asked('listRepos')]).toEqual([1, 0])
    },
  )

  test('a PDS: each of its accounts is asked, and one that cannot be described holds up no others', async () => {
    const seen = await find(
      {
        listRepos: (_, response) =>
          json(response, { repos: [1, 2, 3, 4, 5].map((i) => ({ did: did(i), rev: '3kaaaaaaaaa2a' })) }),
        describeRepo(params, response) {
          const i = Number(params.get('repo')!.slice(9, 10))
          if (i === 1) response.writeHead(400).end('{}')
          else if (i === 2) response.writeHead(500).end('{}')
          else json(response, { collections: i === 5 ? [NOTE] : [LIKE, 5] })
        },
      },
      { own: true },
    )
    await eventually(() => seen.rests === 1)
    expect(found(seen)).toEqual([did(5)])
    expect(states()).toEqual([`accounts ${NOTE} read`])
    expect(pds!.asked('describeRepo')).toBe(5)
  })

  test('a PDS that describes no account either: it is said, and not asked on', async () => {
    const seen = await find(
      { listRepos: (_, response) => json(response, { repos: [{ did: did(1), rev: '3kaaaaaaaaa2a' }] }) },
      { own: true },
    )
    await eventually(() => seen.troubles.length === 2)
    expect(states()).toEqual([`accounts ${NOTE} unsupported`])
    expect(found(seen)).toEqual([])
  })
})

describe('a host that lies', () => {
  test('a list that goes round is left, one that names nobody too', async () => {
    const page = Array.from({ length: 600 }, (_, i) => ({ did: did(i) }))
    const round = await find({
      listReposByCollection: (params, response) =>
        json(response, { repos: [], cursor: params.get('cursor') === 'a' ? 'b' : 'a' }),
    })
    await eventually(() => round.rests === 1)
    expect(round.troubles).toEqual([expect.stringContaining('goes round')])
    expect(pds!.asked('listReposByCollection')).toBeLessThan(5)
    await finding!.stop()
    await pds![Symbol.asyncDispose]()

    const nobody = await find(
      {
        listReposByCollection: (_, response) =>
          json(response, { repos: page, cursor: String(Math.random()) }),
      },
      {},
      { isKnown: () => false },
    )
    await eventually(() => nobody.rests === 1)
    expect(nobody.troubles).toEqual([expect.stringContaining('accounts that nobody has')])
    expect(pds!.asked('listReposByCollection')).toBe(1)
  })

  test('pages that are too large, and no JSON, are asked for again, later', async () => {
    const seen = await find({
      listReposByCollection(_, response) {
        response.write('{"repos":[')
        const more = setInterval(() => response.write(`{"did":"${'x'.repeat(1024 * 1024)}"},`), 1)
        response.on('close', () => clearInterval(more))
      },
    })
    await eventually(() => states()[0] === `list ${NOTE} failing`, 20_000)
    expect(seen.troubles[0]).toContain('too large')
    expect(seen.rests).toBe(0)
  })
})
