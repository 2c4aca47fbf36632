// Of large repos only the wanted collections: what is asked for, that it is all there is, and what hosts may do about it.

import { readCar, writeCar } from '@avocet/car'
import { decode, encode } from '@avocet/cbor'
import { importKeypair } from '@avocet/crypto'
import { type BlockMap, type CID, cidForCbor, CidMap, formatCid, parseCid } from '@avocet/data'
import { buildTree, proofNodes } from '@avocet/mst'
import { createByteBudget, signCommit } from '@avocet/repo'
import { createTidClock, type Did, isNsid, type Tid } from '@avocet/syntax'
import { createRandom } from '@avocet/testing'
import { describe, expect, it } from 'vitest'
import {
  collectionFilter,
  createResync,
  type CreateResyncOptions,
  type HostFetch,
  newRepo,
  repoFetcher,
  ResyncError,
  type ResyncPart,
  type StoredRecord,
} from '../src/index.ts'

const did: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const keypair = importKeypair('k256', new Uint8Array(32).fill(7))
const clock = createTidClock()
const OTHERS = 'app.bsky.feed.like'
const WANTED = 'com.example.book'

type Records = ReadonlyMap<string, unknown>
type Repo = {
  readonly rev: Tid
  readonly car: Uint8Array
  readonly blocks: BlockMap
  readonly commit: CID
  readonly data: CID
  /** Not a tree: a proof has all blocks. */
  readonly isBroken?: boolean
}

async function sign(records: Records, by = keypair): Promise<Repo> {
  const blocks: BlockMap = new CidMap()
  const entries = [...records].map(([path, value]): [string, CID] => {
    const bytes = encode(value as never)
    const cid = cidForCbor(bytes)
    blocks.set(cid, bytes)
    return [path, cid]
  })
  const tree = buildTree(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
  for (const [cid, bytes] of tree.blocks) blocks.set(cid, bytes)
  const rev = clock.next()
  const { commit, commitBytes } = await signCommit({ did, data: tree.root, rev }, by)
  blocks.set(commit, commitBytes)
  const car = writeCar(
    [commit],
    [...blocks].map(([cid, bytes]) => ({ cid, bytes })),
  )
  return { rev, car, blocks, commit, data: tree.root }
}

/** The same, its root with a subtree of another tree: signed, and no tree. */
async function broken(records: Records): Promise<Repo> {
  const repo = await sign(records)
  const other = await sign(new Map([...records].map(([path, value]) => [`a${path}`, value])))
  const [bytes, foreign] = [repo.blocks.get(repo.data)!.slice(), other.data.bytes]
  const { e: entries } = decode(bytes) as { e: { t: CID | null }[] }
  const subtree = entries.findLast(({ t }) => t !== null)!.t!
  const at = Buffer.from(bytes).indexOf(subtree.bytes)
  bytes.set(foreign, at)
  const data = cidForCbor(bytes)
  const rev = clock.next()
  const { commit, commitBytes } = await signCommit({ did, data, rev }, keypair)
  const blocks: BlockMap = new CidMap([...repo.blocks, ...other.blocks])
  blocks.set(data, bytes)
  blocks.set(commit, commitBytes)
  return { rev, car: repo.car, blocks, commit, data, isBroken: true }
}

/** A repo with many records that nobody wants, and those. */
const withOthers = (records: Records, others = 2000): Records =>
  new Map([
    ...Array.from({ length: others }, (_, i): [string, unknown] => [`${OTHERS}/${i}`, { i }]),
    ...records,
  ])

const books = (count: number, from = 0): [string, unknown][] =>
  Array.from({ length: count }, (_, i) => [
    `${WANTED}/${String(from + i).padStart(6, '0')}`,
    { title: `${from + i}` },
  ])

/** A host with this repo, which notes what it is asked. `spoil` changes an answer. */
function hostOf(
  repo: () => Repo,
  spoil: (method: string, answer: Response) => Response | Promise<Response> = (_, a) => a,
) {
  const asked: string[] = []
  let bytes = 0
  const car = (commit: CID, blocks: Iterable<readonly [CID, Uint8Array]>): Response => {
    const written = writeCar(
      [commit],
      [...blocks].map(([cid, block]) => ({ cid, bytes: block })),
    )
    bytes += written.length
    return new Response(written as Uint8Array<ArrayBuffer>)
  }
  const refuse = (error: string): Response => new Response(JSON.stringify({ error }), { status: 400 })
  const answer = (url: URL): Response => {
    const { blocks, commit, data, car: whole, isBroken = false } = repo()
    const get = (name: string): string => url.searchParams.get(name)!
    if (url.pathname.endsWith('getRepo')) {
      bytes += whole.length
      return new Response(whole as Uint8Array<ArrayBuffer>)
    }
    if (url.pathname.endsWith('getRecord')) {
      expect(isNsid(get('collection'))).toBe(true)
      const path = `${get('collection')}/${get('rkey')}`
      const nodes = isBroken ? blocks : proofNodes(data, blocks, [path])
      return car(commit, [[commit, blocks.get(commit)!], ...nodes])
    }
    const cids = url.searchParams.getAll('cids').map((cid) => parseCid(cid))
    expect(url.href.length).toBeLessThan(8000)
    if (cids.some((cid) => !blocks.has(cid))) return refuse('BlockNotFound')
    return car(
      commit,
      cids.map((cid) => [cid, blocks.get(cid)!] as const),
    )
  }
  const fetch: HostFetch = async (address) => {
    const url = new URL(address)
    expect([url.host, url.searchParams.get('did')]).toEqual(['pds.example.com', did])
    const method = url.pathname.slice(url.pathname.lastIndexOf('.') + 1)
    asked.push(method)
    return spoil(method, answer(url))
  }
  return { fetch, asked, bytes: () => bytes }
}

type Reading = Partial<CreateResyncOptions> & {
  readonly fetch: HostFetch
  readonly patterns?: readonly string[] | null
  readonly have?: readonly StoredRecord[]
  readonly rev?: Tid | null
}

/** What a reading gives, and what the app has then. */
async function read({ fetch, patterns = [WANTED], have = [], rev = null, ...more }: Reading) {
  const kept = new Map(have.map((record) => [record.path, record]))
  const resync = createResync({
    fetchRepo: repoFetcher({ fetch }),
    stored: () => [...kept.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    ...(patterns === null ? {} : { wanted: collectionFilter(patterns) }),
    collections: () => patterns,
    ...more,
  })
  const identity = { key: keypair.publicKey, pds: 'https://pds.example.com', handle: null }
  const { signal } = new AbortController()
  const parts: ResyncPart[] = []
  const ops: string[] = []
  for await (const part of resync({ did, repo: { ...newRepo(did), rev }, identity, reason: '', signal })) {
    parts.push(part)
    for (const { action, path, cid, recordBytes } of part.ops) {
      ops.push(`${action} ${path}`)
      if (cid === null) kept.delete(path)
      else {
        kept.set(path, { path, cid })
        if (recordBytes !== null) expect(cidForCbor(recordBytes).equals(cid)).toBe(true)
      }
    }
  }
  return { parts, ops, kept }
}

const cidsOf = (records: Records, wanted = collectionFilter([WANTED])): Map<string, string> =>
  new Map(
    [...records]
      .filter(([path]) => wanted(path.slice(0, path.indexOf('/'))))
      .map(([path, value]): [string, string] => [path, formatCid(cidForCbor(encode(value as never)))])
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
const texts = (kept: ReadonlyMap<string, StoredRecord>): Map<string, string> =>
  new Map(
    [...kept]
      .map(([path, { cid }]): [string, string] => [path, formatCid(cid)])
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )

describe('of a large repo', () => {
  it('only the wanted collection is read, in a few small answers', async () => {
    const records = withOthers(new Map(books(10)), 20_000)
    const repo = await sign(records)
    const host = hostOf(() => repo)
    const { parts, ops, kept } = await read({ fetch: host.fetch })
    expect(ops).toEqual(books(10).map(([path]) => `create ${path}`))
    expect(texts(kept)).toEqual(cidsOf(records))
    expect(parts).toMatchObject([{ rev: repo.rev, own: true, last: true }])
    expect(formatCid(parts[0]!.commit)).toBe(formatCid(repo.commit))
    expect(formatCid(parts[0]!.data)).toBe(formatCid(repo.data))
    expect(new Set(host.asked)).toEqual(new Set(['getRecord', 'getBlocks']))
    expect(host.asked.length).toBeLessThan(8)
    expect(host.bytes()).toBeLessThan(repo.car.length / 100)
  })

  it('what the app has is not read again', async () => {
    const records = withOthers(new Map(books(100)), 3000)
    const repo = await sign(records)
    const [first, again] = [hostOf(() => repo), hostOf(() => repo)]
    const { kept } = await read({ fetch: first.fetch })
    const changed = await sign(new Map([...records, [`${WANTED}/000050`, { title: 'new' }]]))
    const have = [...kept.values()].filter(({ path }) => path !== `${WANTED}/000003`)
    have.push({ path: `${WANTED}/gone`, cid: have[0]!.cid }, { path: 'com.other/x', cid: have[0]!.cid })
    const second = await read({ fetch: hostOf(() => changed).fetch, have })
    expect(second.ops).toEqual([
      `create ${WANTED}/000003`,
      `update ${WANTED}/000050`,
      `delete ${WANTED}/gone`,
      'delete com.other/x',
    ])
    await read({ fetch: again.fetch, have: [...kept.values()] })
    expect(again.asked.length).toBeLessThan(first.asked.length)
  })

  it('many are read in parts, each record once', async () => {
    const records = withOthers(new Map(books(350)), 4000)
    const repo = await sign(records)
    const host = hostOf(() => repo)
    const budget = createByteBudget(8 * 1024 * 1024)
    const { ops, parts } = await read({ fetch: host.fetch, maxPartOps: 60, budget })
    expect(ops).toEqual(books(350).map(([path]) => `create ${path}`))
    expect(parts.map(({ last }) => last)).toEqual([
      ...Array.from({ length: parts.length - 1 }, () => false),
      true,
    ])
    expect(budget.take(8 * 1024 * 1024)).toBe(true)
  })

  it('large records are asked for a few at a time', async () => {
    const large = books(24).map(([path, value]): [string, unknown] => [
      path,
      { ...(value as object), x: 'x'.repeat(600_000) },
    ])
    const repo = await sign(withOthers(new Map(large), 3000))
    const host = hostOf(() => repo)
    const { ops } = await read({ fetch: host.fetch })
    expect(ops).toHaveLength(24)
    expect(host.asked).not.toContain('getRepo')
  })

  it('a collection whose name begins with that of a wanted one is not read', async () => {
    const others = Array.from({ length: 3000 }, (_, i): [string, unknown] => [`${WANTED}shelf/${i}`, { i }])
    const repo = await sign(new Map([...others, ...books(5)]))
    const host = hostOf(() => repo)
    const { ops } = await read({ fetch: host.fetch })
    expect(ops).toHaveLength(5)
    expect(host.asked).not.toContain('getRepo')
  })

  it('random repos: the same as by their exports', async () => {
    const random = createRandom(11)
    const names = [
      WANTED,
      'com.example.books',
      'com.example.aa',
      'com.exampl.e',
      'zz.example.last',
      'aa.example.first',
    ]
    let sparse = 0
    for (let round = 0; round < 40; round++) {
      const patterns = [
        ['com.example.*'],
        [WANTED],
        ['com.*'],
        [names[4]!, names[5]!],
        ['zz.none.here'],
        names,
      ][random.below(6)]!
      const records = new Map<string, unknown>()
      for (let i = random.below(80); i > 0; i--) {
        records.set(`${names[random.below(names.length)]}/${random.below(300)}`, { n: random.below(5) })
      }
      const all = withOthers(records, 200 + random.below(500))
      const before = [...all]
        .filter(() => random.below(10) > 0)
        .map(([path, value]) => [path, random.below(8) > 0 ? value : { old: 1 }] as const)
      const have = before.map(([path, value]): StoredRecord => ({
        path,
        cid: cidForCbor(encode(value as never)),
      }))
      const few = have.filter(({ path }) => !path.startsWith(OTHERS) || random.below(50) === 0)
      const repo = await sign(all)
      const host = hostOf(() => repo)
      const minSparseRecords = 50
      const one = await read({ fetch: host.fetch, patterns, have: few, minSparseRecords })
      const other = await read({
        fetch: hostOf(() => repo).fetch,
        patterns,
        have: few,
        minSparseRecords: Infinity,
      })
      if (!host.asked.includes('getRepo')) sparse++
      expect(one.ops).toEqual(other.ops)
      expect(texts(one.kept)).toEqual(cidsOf(all, collectionFilter(patterns)))
    }
    expect(sparse).toBeGreaterThan(25)
  })
})

describe('the export is read', () => {
  const records = withOthers(new Map(books(10)))

  it.each([
    ['of a small repo', withOthers(new Map(books(10)), 200), [WANTED], 1],
    [
      'where the wanted collections are much of the repo',
      withOthers(new Map(books(1000)), 1500),
      [WANTED],
      12,
    ],
    ['where all are wanted', records, null, 0],
    ['where none is named', records, [], 0],
  ] as const)('%s', async (_what, all, patterns, questions) => {
    const repo = await sign(all)
    const host = hostOf(() => repo)
    await read({ fetch: host.fetch, patterns })
    expect(host.asked.at(-1)).toBe('getRepo')
    expect(host.asked.length - 1).toBeLessThanOrEqual(questions)
  })

  it.each([
    [
      'does not know such questions',
      'getRecord',
      () => new Response('{"error":"MethodNotImplemented"}', { status: 501 }),
    ],
    ['has the record not', 'getRecord', () => new Response('{"error":"RecordNotFound"}', { status: 400 })],
    ['answers with no CAR', 'getRecord', () => new Response('hello')],
    ['answers with nothing', 'getRecord', () => new Response(null)],
    ['answers without end', 'getRecord', () => new Response(endless())],
    ['gives no blocks', 'getBlocks', () => new Response('{"error":"BlockNotFound"}', { status: 400 })],
    ['gives blocks without end', 'getBlocks', () => new Response(endless())],
    [
      'gives no block that was asked for',
      'getBlocks',
      () => new Response(writeCar([], []) as Uint8Array<ArrayBuffer>),
    ],
  ] as const)('of a host that %s', async (_what, method, answer) => {
    const repo = await sign(records)
    const host = hostOf(
      () => repo,
      (name, usual) => (name === method ? answer() : usual),
    )
    const { ops } = await read({ fetch: host.fetch })
    expect(ops).toEqual(books(10).map(([path]) => `create ${path}`))
    expect(host.asked.at(-1)).toBe('getRepo')
    expect(host.asked.length).toBeLessThanOrEqual(4)
  })

  it.each([
    [
      'signed by somebody else',
      async () => (await sign(records, importKeypair('k256', new Uint8Array(32).fill(9)))).car,
    ],
    ['of another account', async () => (await sign(records)).car],
  ])('where the proof is %s', async (what, forge) => {
    const repo = await sign(records)
    let forged = await forge()
    if (what === 'of another account') {
      const { commit, commitBytes } = await signCommit(
        { did: 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb', data: repo.data, rev: repo.rev },
        keypair,
      )
      forged = writeCar(
        [commit],
        [{ cid: commit, bytes: commitBytes }, ...[...repo.blocks].map(([cid, bytes]) => ({ cid, bytes }))],
      )
    }
    const host = hostOf(
      () => repo,
      (name, usual) => (name === 'getRecord' ? new Response(forged as Uint8Array<ArrayBuffer>) : usual),
    )
    const { parts } = await read({ fetch: host.fetch })
    expect(host.asked).toEqual(['getRecord', 'getRepo'])
    expect(parts.at(-1)!.rev).toBe(repo.rev)
  })

  it('where a node is not of its place in the tree, though it hashes', async () => {
    const repo = await broken(new Map([...records, ['zz.z.z/1', {}]]))
    const host = hostOf(() => repo)
    const { ops } = await read({ fetch: host.fetch, patterns: ['zz.z.z'] })
    expect(host.asked).toEqual(['getRecord', 'getRepo'])
    expect(ops).toEqual(['create zz.z.z/1'])
  })

  it('of a host that gives its blocks one by one', async () => {
    const all = withOthers(new Map(books(400)), 5000)
    const repo = await sign(all)
    const host = hostOf(
      () => repo,
      async (method, answer) => {
        if (method !== 'getBlocks') return answer
        const { roots, blocks } = readCar(new Uint8Array(await answer.arrayBuffer()))
        return new Response(writeCar(roots, blocks.slice(0, 1)) as Uint8Array<ArrayBuffer>)
      },
    )
    await read({ fetch: host.fetch })
    expect(host.asked.at(-1)).toBe('getRepo')
    expect(host.asked).toHaveLength(1 + 64 + 1)
  })
})

/** Half a megabyte, over and over. */
function endless(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(500_000)) })
}

describe('a repo that is written to meanwhile', () => {
  const first = withOthers(new Map(books(30)))
  const second = new Map([...first, [`${WANTED}/999999`, { title: 'late' }]])

  it('is begun again, and is as it is then', async () => {
    const [before, after] = [await sign(first), await sign(second)]
    let now = before
    const host = hostOf(
      () => now,
      (method, answer) => {
        if (method === 'getRecord') now = after
        return answer
      },
    )
    const { ops, parts } = await read({ fetch: host.fetch })
    expect(ops).toEqual([...books(30).map(([path]) => `create ${path}`), `create ${WANTED}/999999`])
    expect(parts.at(-1)!.rev).toBe(after.rev)
    expect(host.asked.filter((method) => method === 'getRecord')).toHaveLength(2)
    expect(host.asked).not.toContain('getRepo')
  })

  it('between its records, keeps what it gave as a part of the way', async () => {
    const many = withOthers(new Map(books(250)), 4000)
    const less = new Map(
      [...many].filter(([path]) => path !== `${WANTED}/000001` && path !== `${WANTED}/000240`),
    )
    const [before, after] = [await sign(many), await sign(less)]
    let now = before
    const host = hostOf(() => now)
    const asked = (): number => host.asked.length
    let records = 0
    const fetch: HostFetch = async (url, init) => {
      const response = await host.fetch(url, init)
      // The first answer with a hundred records is the last of this state.
      if (
        url.includes('getBlocks') &&
        new URL(url).searchParams.getAll('cids').length === 100 &&
        records++ === 0
      )
        now = after
      return response
    }
    const { kept, parts } = await read({ fetch, maxPartOps: 50 })
    expect(texts(kept)).toEqual(cidsOf(less))
    expect([parts[0]!.rev, parts.at(-1)!.rev]).toEqual([before.rev, after.rev])
    expect(asked()).toBeGreaterThan(5)
  })

  it('and of which some blocks are still there, is begun again', async () => {
    const [before, after] = [await sign(first), await sign(second)]
    let now = before
    const host = hostOf(
      () => now,
      async (method, answer) => {
        if (method !== 'getBlocks' || now === after) return answer
        const bytes = new Uint8Array(await answer.arrayBuffer())
        const { roots, blocks } = readCar(bytes)
        if (blocks.length < 30) return new Response(bytes)
        now = after
        return new Response(writeCar(roots, blocks.slice(0, 10)) as Uint8Array<ArrayBuffer>)
      },
    )
    const { kept } = await read({ fetch: host.fetch })
    expect(texts(kept)).toEqual(cidsOf(second))
    expect(now).toBe(after)
    expect(host.asked).not.toContain('getRepo')
  })

  it('again and again, is read as an export', async () => {
    const repos = await Promise.all(
      Array.from({ length: 8 }, (_, i) => sign(new Map([...first, [`${WANTED}/x${i}`, {}]]))),
    )
    let at = 0
    const host = hostOf(
      () => repos[at]!,
      (method, answer) => {
        if (method === 'getRecord') at++
        return answer
      },
    )
    const { parts } = await read({ fetch: host.fetch })
    expect(host.asked.filter((method) => method === 'getRecord')).toHaveLength(3)
    expect(host.asked.at(-1)).toBe('getRepo')
    expect(parts.at(-1)!.rev).toBe(repos[at]!.rev)
  })
})

describe('a host', () => {
  const records = withOthers(new Map(books(10)))

  it('that has no time is asked later, and not for its export', async () => {
    const repo = await sign(records)
    const host = hostOf(() => repo)
    const busy: HostFetch = async (url, init) => {
      await host.fetch(url, init)
      throw new ResyncError('host-busy', 'asked enough', { retryAfterMs: 500, host: 'pds.example.com' })
    }
    await expect(read({ fetch: busy })).rejects.toMatchObject({ code: 'host-busy', retryAfterMs: 500 })
    expect(host.asked).toEqual(['getRecord'])
  })

  it('that has no time between two questions is waited for', async () => {
    const repo = await sign(records)
    const host = hostOf(() => repo)
    let count = 0
    const fetch: HostFetch = async (url, init) => {
      if (++count % 2 === 0) throw new ResyncError('host-busy', 'asked enough', { retryAfterMs: 1 })
      return host.fetch(url, init)
    }
    const { ops } = await read({ fetch })
    expect(ops).toHaveLength(10)
    expect(host.asked).not.toContain('getRepo')
  })

  it('with an old copy is behind, whatever is asked', async () => {
    const repo = await sign(records)
    const later = (await sign(records)).rev
    const host = hostOf(() => repo)
    await expect(read({ fetch: host.fetch, rev: later })).rejects.toMatchObject({ code: 'rev-regression' })
    expect(host.asked.at(-1)).toBe('getRepo')
  })

  it('whose blocks are not what was asked for is not believed', async () => {
    const repo = await sign(records)
    const host = hostOf(
      () => repo,
      async (method, answer) => {
        if (method !== 'getBlocks') return answer
        const bytes = new Uint8Array(await answer.arrayBuffer())
        bytes[bytes.length - 1]! ^= 1
        return new Response(bytes)
      },
    )
    const { ops } = await read({ fetch: host.fetch })
    expect(ops).toHaveLength(10)
    expect(host.asked.at(-1)).toBe('getRepo')
  })
})
