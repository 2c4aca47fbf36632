// Questions to hosts, each by itself: what is asked, what waits for it, and how much of an answer is read.

import { writeCar } from '@avocet/car'
import { cidForCbor, cidForRaw, formatCid } from '@avocet/data'
import { describe, expect, it } from 'vitest'
import {
  type HostFetch,
  hostStatusFetcher,
  latestRevFetcher,
  newRepo,
  repoFetcher,
  ResyncError,
} from '../src/index.ts'
import type { Priority } from '../src/state.ts'

const did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const pds = 'https://pds.example.com'
const { signal } = new AbortController()
const about = { did, identity: { key: null, pds, handle: null }, signal } as const

const json = (body: unknown, init?: ResponseInit): Response => new Response(JSON.stringify(body), init)
const answering =
  (answer: () => Response): HostFetch =>
  async () =>
    answer()

async function copyOf(fetch: HostFetch, priority: Priority = 0, fetchBlocks?: HostFetch) {
  const request = { ...about, repo: { ...newRepo(did), priority }, reason: '' }
  const [host] = repoFetcher(fetchBlocks ? { fetch, fetchBlocks } : { fetch })(request)
  return host!.open(request)
}

describe('what is asked of a host', () => {
  it.each([
    [0, true],
    [1, true],
    [2, undefined],
    [4, undefined],
  ] as const)('a repo of priority %i is urgent: %s', async (priority, urgent) => {
    const said: unknown[] = []
    await copyOf(async (_url, init) => {
      said.push(init.urgent)
      return new Response('CAR')
    }, priority)
    expect(said).toEqual([urgent])
  })

  it('a status is urgent, and the newest rev is not', async () => {
    const said: unknown[] = []
    const fetch: HostFetch = async (url, init) => {
      said.push([new URL(url).pathname, init.urgent])
      return json({ active: true, rev: '3jzfcijpj2z2a' })
    }
    expect(await hostStatusFetcher({ fetch })(about)).toBe('active')
    expect(await latestRevFetcher({ fetch })(about)).toBe('3jzfcijpj2z2a')
    expect(said).toEqual([
      ['/xrpc/com.atproto.sync.getRepoStatus', true],
      ['/xrpc/com.atproto.sync.getLatestCommit', undefined],
    ])
  })

  it('an account without a host is asked of nobody', async () => {
    const fetch: HostFetch = async () => {
      throw new Error('asked')
    }
    const nowhere = { ...about, identity: { ...about.identity, pds: null } }
    expect(await hostStatusFetcher({ fetch })(nowhere)).toBe(null)
    expect(await latestRevFetcher({ fetch })(nowhere)).toBe(null)
    expect(repoFetcher({ fetch })({ ...nowhere, repo: newRepo(did), reason: '' })).toEqual([])
  })

  it('a host that does not begin to answer is waited for so long and no longer', async () => {
    const silent: HostFetch = (_url, init) =>
      new Promise((_resolve, reject) => {
        init.signal.addEventListener('abort', () => reject(init.signal.reason as Error))
      })
    const request = { ...about, repo: newRepo(did), reason: '' }
    const askings = [
      latestRevFetcher({ fetch: silent, timeoutMs: 20 })(about),
      repoFetcher({ fetch: silent, timeoutMs: 20 })(request)[0]!.open(request),
    ]
    const failed = { status: 'rejected', reason: { code: 'fetch-failed' } }
    expect(await Promise.allSettled(askings)).toMatchObject([failed, failed])
  })
})

describe('an answer', () => {
  it.each([
    [{ active: true, status: 'deactivated' }, 'active'],
    [{ active: false, status: 'takendown' }, 'takendown'],
    [{ active: false, status: 'x'.repeat(65) }, 'x'.repeat(64)],
    [{ active: false }, 'inactive'],
    [{ active: 'true', status: 1 }, 'inactive'],
  ])('%o is a status of its own', async (body, status) => {
    expect(await hostStatusFetcher({ fetch: answering(() => json(body)) })(about)).toBe(status)
  })

  it('a host that does not know the account says nothing of its status; one that has it taken down has no rev', async () => {
    const unknown = answering(() => json({ error: 'RepoNotFound' }, { status: 400 }))
    expect(await hostStatusFetcher({ fetch: unknown })(about)).toBe(null)
    expect(await latestRevFetcher({ fetch: unknown })(about)).toBe(null)
    const takendown = answering(() => json({ error: 'RepoTakendown' }, { status: 400 }))
    expect(await latestRevFetcher({ fetch: takendown })(about)).toBe(null)
    await expect(hostStatusFetcher({ fetch: takendown })(about)).rejects.toMatchObject({
      code: 'repo-takendown',
    })
  })

  it.each([
    ['no TID', { rev: 'x' }],
    ['no rev', {}],
    ['no object', 'rev'],
    ['null', null],
  ])('%s is a failure that passes', async (_what, body) => {
    const asking = latestRevFetcher({ fetch: answering(() => json(body)) })(about)
    await expect(asking).rejects.toMatchObject({ code: 'fetch-failed' })
  })

  it.each([
    [65_536, 'active'],
    [65_537, 'fetch-failed'],
  ])('of %i letters is %s', async (length, expected) => {
    const text = JSON.stringify({ active: true }).padEnd(length)
    const asking = hostStatusFetcher({ fetch: answering(() => new Response(text)) })(about)
    expect(await asking.catch((error: ResyncError) => error.code)).toBe(expected)
  })

  it('nothing at all is no copy and no JSON', async () => {
    const empty = answering(() => new Response(null, { status: 200 }))
    await expect(copyOf(empty)).rejects.toMatchObject({ code: 'fetch-failed' })
    await expect(latestRevFetcher({ fetch: empty })(about)).rejects.toMatchObject({ code: 'fetch-failed' })
  })

  it.each([
    ['86400', 86_400_000],
    ['86401', 86_400_000],
    ['0', null],
    ['soon', null],
  ])('with Retry-After: %s is tried again after %s ms', async (header, retryAfterMs) => {
    const busy = answering(() => json({}, { status: 429, headers: { 'retry-after': header } }))
    await expect(copyOf(busy)).rejects.toMatchObject({ code: 'fetch-failed', retryAfterMs })
  })
})

describe('one block of a repo', () => {
  const block = Uint8Array.of(0xa0)
  const cid = cidForCbor(block)
  const car = (...blocks: Uint8Array[]) =>
    new Uint8Array(
      writeCar(
        [],
        blocks.map((bytes) => ({ cid: cidForCbor(bytes), bytes })),
      ),
    )
  const repo: HostFetch = async () => new Response('CAR')

  it('is asked for urgently, by its CID', async () => {
    const asked: unknown[] = []
    const copy = await copyOf(repo, 4, async (url, init) => {
      asked.push([url, init.urgent, init.headers])
      return new Response(car(Uint8Array.of(0xa1, 0x61, 0x61, 0x01), block))
    })
    expect(await copy.block!(cid)).toEqual(block)
    const query = new URLSearchParams({ did, cids: formatCid(cid) })
    expect(asked).toEqual([
      [`${pds}/xrpc/com.atproto.sync.getBlocks?${query}`, true, { accept: 'application/vnd.ipld.car' }],
    ])
  })

  it('that a host has not got, or hides in something else, is null', async () => {
    const without = await copyOf(repo, 0, async () => new Response(car(block)))
    expect(await without.block!(cidForRaw(block))).toBe(null)
    const broken = await copyOf(repo, 0, async () => new Response('no CAR'))
    expect(await broken.block!(cid)).toBe(null)
    const down = await copyOf(
      repo,
      0,
      answering(() => json({}, { status: 500 })),
    )
    await expect(down.block!(cid)).rejects.toMatchObject({ code: 'fetch-failed' })
  })

  it.each([
    [2 * 1024 * 1024, null],
    [2 * 1024 * 1024 + 1, 'fetch-failed'],
  ])('in %i bytes is %s', async (length, expected) => {
    const copy = await copyOf(repo, 0, async () => new Response(new Uint8Array(length).fill(0xff)))
    expect(await copy.block!(cid).catch((error: ResyncError) => error.code)).toBe(expected)
  })
})

describe('a host that is busy', () => {
  it('is asked again until the consumer stops', { timeout: 10_000 }, async () => {
    const stop = new AbortController()
    let asked = 0
    const busy: HostFetch = async () => {
      if (++asked === 3) stop.abort(new DOMException('stopped', 'AbortError'))
      throw new ResyncError('host-busy', 'busy', { retryAfterMs: 1 })
    }
    const asking = hostStatusFetcher({ fetch: busy })({ ...about, signal: stop.signal })
    await expect(asking).rejects.toThrow('stopped')
    expect(asked).toBe(3)
  })
})
