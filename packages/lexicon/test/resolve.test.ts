// Resolution with the outside as plain functions; with a real DNS answer, PDS and proof it runs in lex-cli's tests.
import { cidForCbor, type DataObject } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { resolveClosure } from '../src/resolve/closure.ts'
import { resolvePermissionSet } from '../src/resolve/permission-set.ts'
import { lexiconDnsName } from '../src/resolve/resolve.ts'
import { createLexiconResolver } from '../src/resolve/resolver.ts'
import type { LexiconResolverOptions, Outcome } from '../src/resolve/types.ts'

const DID: Did = 'did:web:authority.example'
const cid = cidForCbor(Uint8Array.of(1))
const ok = <T>(value: T): Outcome<T> => ({ ok: true, value })
const no = (message: string): { ok: false; error: { message: string } } => ({ ok: false, error: { message } })

function schemaRecord(id: string, refs: string[] = []): DataObject {
  const items = { type: 'union', refs }
  return {
    $type: 'com.atproto.lexicon.schema',
    lexicon: 1,
    id,
    defs: { main: { type: 'object', properties: { list: { type: 'array', items } } } },
  }
}

/** A network of one authority; counts what is asked of it. */
function network(
  records: Record<string, DataObject>,
  changes: Partial<LexiconResolverOptions<string>> = {},
  clock?: 'of the machine',
) {
  const asked: string[] = []
  let time = 0
  const resolver = createLexiconResolver<string>({
    ...(clock === undefined ? { now: () => time } : {}),
    lookupTxt: async (name) => {
      asked.push(name)
      return ok(name === '_lexicon.example.com' ? ['v=spf1', `did=${DID}`] : [])
    },
    resolveAccount: async (did, { forceRefresh }) => {
      asked.push(`${did}${forceRefresh ? ' again' : ''}`)
      return ok({ pds: 'https://pds.example', key: forceRefresh ? 'new' : 'old' })
    },
    fetch: async (url) => {
      asked.push(url)
      return new Response(new TextEncoder().encode(new URL(url).searchParams.get('rkey')!))
    },
    verifyProof: (car, { rkey }) => {
      const name = new TextDecoder().decode(car)
      if (name !== rkey) return no('of another record')
      const record = records[name] ?? null
      return ok({ cid: record && cid, record })
    },
    ...changes,
  })
  return { resolver, asked, pass: (ms: number) => (time += ms) }
}

async function codeOf(nsid: string, changes: Partial<LexiconResolverOptions<string>> = {}, records = {}) {
  const result = await network(records, changes).resolver.resolve(nsid)
  return result.ok ? 'ok' : result.error.code
}

describe('resolve', () => {
  it('asks the DNS, the DID and its PDS, in the words of the specification', async () => {
    const { resolver, asked } = network({ 'com.example.post': schemaRecord('com.example.post') })
    expect(await resolver.resolve('com.example.post')).toMatchObject({
      ok: true,
      value: {
        nsid: 'com.example.post',
        did: DID,
        uri: `at://${DID}/com.atproto.lexicon.schema/com.example.post`,
        cid,
        document: { id: 'com.example.post' },
      },
    })
    expect(asked).toEqual([
      '_lexicon.example.com',
      DID,
      'https://pds.example/xrpc/com.atproto.sync.getRecord?did=did%3Aweb%3Aauthority.example&collection=com.atproto.lexicon.schema&rkey=com.example.post',
    ])
    expect(lexiconDnsName('edu.university.dept.lab.blogging.getBlogPost')).toBe(
      '_lexicon.blogging.lab.dept.university.edu',
    )
  })

  it('names the step that failed', async () => {
    const nsid = 'com.example.post'
    expect(await codeOf('nonsense')).toBe('invalid-nsid')
    expect(await codeOf('x'.repeat(10_000))).toBe('invalid-nsid')
    expect(await codeOf('com.example.sub.post')).toBe('no-authority')
    expect(await codeOf(nsid, { lookupTxt: async () => ok(['did=nonsense']) })).toBe('no-authority')
    expect(await codeOf(nsid, { lookupTxt: async () => ok(['did=did:web:a.b', 'did=did:web:c.d']) })).toBe(
      'ambiguous-authority',
    )
    expect(await codeOf(nsid, { lookupTxt: async () => no('SERVFAIL') })).toBe('dns-failed')
    expect(await codeOf(nsid, { lookupTxt: () => Promise.reject(new Error('thrown')) })).toBe('dns-failed')
    expect(await codeOf(nsid, { resolveAccount: async () => no('gone') })).toBe('did-failed')
    expect(await codeOf(nsid, { fetch: async () => new Response('no', { status: 404 }) })).toBe(
      'fetch-failed',
    )
    expect(await codeOf(nsid, { fetch: () => Promise.reject(new Error('refused')) })).toBe('fetch-failed')
    expect(await codeOf(nsid, { fetch: async () => new Response(new Uint8Array(3_000_000)) })).toBe(
      'fetch-failed',
    )
    expect(await codeOf(nsid, { verifyProof: () => no('bad signature') })).toBe('invalid-proof')
    expect(await codeOf(nsid)).toBe('not-found')
    expect(await codeOf(nsid, {}, { [nsid]: { ...schemaRecord(nsid), $type: 'com.example.other' } })).toBe(
      'invalid-lexicon',
    )
    expect(await codeOf(nsid, {}, { [nsid]: { ...schemaRecord(nsid), defs: {} } })).toBe('invalid-lexicon')
    expect(await codeOf(nsid, {}, { [nsid]: schemaRecord('com.example.other') })).toBe('invalid-lexicon')
  })

  it('tries once more with a fresh key', async () => {
    const records = { 'com.example.post': schemaRecord('com.example.post') }
    const { resolver, asked } = network(records, {
      verifyProof: (_, { key, rkey }) =>
        key === 'new' ? ok({ cid, record: records[rkey as 'com.example.post'] }) : no('bad signature'),
    })
    expect((await resolver.resolve('com.example.post')).ok).toBe(true)
    expect(asked.filter((name) => name.startsWith('did:'))).toEqual([DID, `${DID} again`])
  })

  it('remembers no longer when the clock of the machine was a year ahead meanwhile', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const records = { 'com.example.post': schemaRecord('com.example.post') }
    const { resolver, asked } = network(records, {}, 'of the machine')
    const resolve = async (): Promise<number> => {
      expect((await resolver.resolve('com.example.post')).ok).toBe(true)
      return asked.length
    }
    const now = Date.now()
    vi.setSystemTime(now + 365 * 24 * 60 * 60_000)
    const once = await resolve()
    vi.setSystemTime(now)
    vi.advanceTimersByTime(10 * 60_000 - 1)
    expect(await resolve()).toBe(once)
    vi.advanceTimersByTime(1)
    expect(await resolve()).toBe(2 * once)
  })

  it('remembers for a while, shares work, and forgets on demand', async () => {
    const { resolver, asked, pass } = network({ 'com.example.post': schemaRecord('com.example.post') })
    const dns = () => asked.filter((name) => name.startsWith('_lexicon')).length
    await Promise.all([resolver.resolve('com.example.post'), resolver.resolve('com.example.post')])
    await resolver.resolve('com.example.post')
    expect(dns()).toBe(1)
    await resolver.resolve('com.example.post', { forceRefresh: true })
    expect(dns()).toBe(2)
    pass(10 * 60_000)
    await resolver.resolve('com.example.post')
    expect(dns()).toBe(3)
    resolver.purge('com.example.post')
    await resolver.resolve('com.example.post')
    expect(dns()).toBe(4)
    await resolver.resolve('com.example.none')
    await resolver.resolve('com.example.none')
    expect(dns()).toBe(5)
    pass(30_000)
    await resolver.resolve('com.example.none')
    expect(dns()).toBe(6)
  })

  it('gives a stale lexicon while it cannot be resolved afresh, if told to', async () => {
    let down = false
    const records: Record<string, DataObject> = { 'com.example.post': schemaRecord('com.example.post') }
    const lookupTxt = async () => (down ? no('SERVFAIL') : ok([`did=${DID}`]))
    const { resolver, pass } = network(records, {
      lookupTxt,
      maxAge: 1000,
      maxStale: 5000,
      maxFailureAge: 100,
    })
    const state = async () => {
      const result = await resolver.resolve('com.example.post')
      return result.ok ? 'ok' : result.error.code
    }
    expect(await state()).toBe('ok')
    down = true
    pass(1000)
    expect(await state()).toBe('ok')
    pass(4999)
    expect(await state()).toBe('ok')
    pass(100)
    expect(await state()).toBe('dns-failed')
    down = false
    pass(100)
    expect(await state()).toBe('ok')
    // What is proved to be gone is gone.
    delete records['com.example.post']
    pass(1000)
    expect(await state()).toBe('not-found')
  })

  it('remembers a bounded number', async () => {
    const { resolver, asked } = network({}, { maxEntries: 2 })
    for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) await resolver.resolve(`com.example.${name}`)
    expect(asked.filter((name) => name.startsWith('_lexicon'))).toHaveLength(4)
  })

  it('ends after its timeout, even where a function hangs', async () => {
    const { resolver } = network({}, { timeout: 20, lookupTxt: () => new Promise(() => undefined) })
    expect(await resolver.resolve('com.example.post')).toMatchObject({
      error: { code: 'fetch-failed', message: expect.stringMatching(/longer than 20 ms/) },
    })
  })

  it('ends when its caller gives up, without ending the work of others', async () => {
    const { resolver } = network({ 'com.example.post': schemaRecord('com.example.post') })
    const controller = new AbortController()
    const first = resolver.resolve('com.example.post', { signal: controller.signal })
    const second = resolver.resolve('com.example.post')
    controller.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    expect((await second).ok).toBe(true)
  })
})

describe('resolveClosure', () => {
  it('follows references until nothing is missing', async () => {
    const { resolver } = network({
      'com.example.a': schemaRecord('com.example.a', ['com.example.b', 'com.example.known']),
      'com.example.b': schemaRecord('com.example.b', ['com.example.a', 'com.example.gone', 'com.other.x']),
    })
    const known = schemaRecord('com.example.known', ['com.example.b']) as never
    const closure = await resolveClosure(resolver, ['com.example.a'], {
      known: (nsid) => (nsid === 'com.example.known' ? known : undefined),
    })
    expect(closure.resolved.map((lexicon) => lexicon.nsid)).toEqual(['com.example.a', 'com.example.b'])
    expect(closure.failed.map(({ nsid, code, neededBy }) => [nsid, code, neededBy])).toEqual([
      ['com.example.gone', 'not-found', 'com.example.b'],
      ['com.other.x', 'no-authority', 'com.example.b'],
    ])
  })

  it('stops at a bound', async () => {
    const records = Object.fromEntries(
      Array.from({ length: 50 }, (_, i) => [
        `com.example.x${i}`,
        schemaRecord(`com.example.x${i}`, [`com.example.x${i + 1}`]),
      ]),
    )
    const closure = await resolveClosure(network(records).resolver, ['com.example.x0'], { maxDocuments: 5 })
    expect(closure.resolved).toHaveLength(5)
    expect(closure.failed).toHaveLength(1)
  })
})

describe('resolvePermissionSet', () => {
  it('takes permission sets alone', async () => {
    const set = {
      type: 'permission-set',
      permissions: [{ type: 'permission', resource: 'repo', collection: ['com.example.post'] }],
    }
    const { resolver } = network({
      'com.example.auth': { ...schemaRecord('com.example.auth'), defs: { main: set } },
      'com.example.post': schemaRecord('com.example.post'),
    })
    expect(await resolvePermissionSet(resolver, 'com.example.auth')).toMatchObject({
      ok: true,
      value: { type: 'permission-set', nsid: 'com.example.auth', permissions: set.permissions },
    })
    expect(await resolvePermissionSet(resolver, 'com.example.post')).toMatchObject({
      error: { code: 'invalid-lexicon' },
    })
    expect(await resolvePermissionSet(resolver, 'com.example.none')).toMatchObject({
      error: { code: 'not-found' },
    })
  })
})
