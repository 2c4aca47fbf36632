import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeypair, type Keypair } from '@avocet/crypto'
import {
  createOperation,
  didForOperation,
  operationCid,
  operationToDidDocument,
  plcClient,
  signOperation,
  tombstoneOperation,
  updateOperation,
  verifyAuditLog,
  type PlcOperation,
  type Signed,
  type SignedOperation,
} from '@avocet/plc'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPlcDirectory, type PlcDirectory } from '../src/app.ts'

const HOUR = 3_600_000
const folder = mkdtempSync(join(tmpdir(), 'avocet-plc-'))
const databasePath = join(folder, 'plc.sqlite')
let now = Date.parse('2026-03-01T00:00:00Z')
let directory: PlcDirectory

const start = (): Promise<PlcDirectory> => createPlcDirectory({ port: 0, databasePath, now: () => now })

beforeAll(async () => {
  directory = await start()
})
afterAll(async () => {
  await directory.close()
  rmSync(folder, { recursive: true })
})

async function newAccount(handle = 'alice.test') {
  const recovery = createKeypair('p256')
  const rotation = createKeypair()
  const genesis = await signOperation(
    createOperation({
      rotationKeys: [recovery.didKey, rotation.didKey],
      signingKey: createKeypair().didKey,
      handle,
      pds: 'https://pds.test',
    }),
    rotation,
  )
  return { did: didForOperation(genesis), genesis, recovery, rotation }
}

const rename = (previous: SignedOperation, handle: string, signer: Keypair): Promise<Signed<PlcOperation>> =>
  signOperation(updateOperation(previous, { handle }), signer)

/** Both ways in: through the handler, and through a real socket. */
describe.each(['in process', 'over HTTP'])('the API %s', (way) => {
  const client = () =>
    plcClient({
      url: directory.url,
      fetch: way === 'in process' ? (url, init) => directory.fetch(new Request(url, init)) : fetch,
    })

  it('creates, updates, recovers and tombstones', async () => {
    const { did, genesis, recovery, rotation } = await newAccount()
    expect(await client().resolve(did)).toMatchObject({
      ok: false,
      error: { code: 'not-found', status: 404 },
    })
    expect(await client().submit(did, genesis)).toEqual({ ok: true, value: undefined })
    expect(await client().resolve(did)).toEqual({ ok: true, value: operationToDidDocument(did, genesis) })

    const stolen = await rename(genesis, 'stolen.test', rotation)
    expect(await client().submit(did, stolen)).toMatchObject({ ok: true })
    expect(await client().data(did)).toMatchObject({ ok: true, value: { alsoKnownAs: ['at://stolen.test'] } })

    const recovered = await rename(genesis, 'mine.test', recovery)
    expect(await client().submit(did, recovered)).toMatchObject({ ok: true })
    expect(await client().lastOperation(did)).toEqual({ ok: true, value: recovered })
    expect(await client().log(did)).toEqual({ ok: true, value: [genesis, recovered] })

    const end = await signOperation(tombstoneOperation(recovered), recovery)
    expect(await client().submit(did, end)).toMatchObject({ ok: true })
    expect(await client().resolve(did)).toMatchObject({ error: { code: 'tombstoned', status: 410 } })
    expect(await client().data(did)).toMatchObject({ error: { code: 'tombstoned' } })
    expect(await client().lastOperation(did)).toEqual({ ok: true, value: end })

    const audit = await client().auditLog(did)
    expect(audit.ok && audit.value.map((entry) => entry.nullified)).toEqual([false, true, false, false])
    expect(audit.ok && verifyAuditLog(did, audit.value)).toMatchObject({ ok: true, value: { data: null } })
  })

  it('refuses what it must, and stores nothing of it', async () => {
    const { did, genesis, rotation, recovery } = await newAccount()
    const stranger = await newAccount('other.test')
    const refused = async (operation: SignedOperation, said: string): Promise<void> => {
      const result = await client().submit(did, operation)
      expect(result.ok ? 'accepted' : result.error.message).toContain(said)
      expect(result).toMatchObject({ error: { code: 'rejected', status: 400 } })
    }
    await refused(stranger.genesis, 'genesis-mismatch')
    await refused(await rename(genesis, 'x.test', rotation), 'misordered')
    await client().submit(did, genesis)
    await refused(genesis, 'misordered')
    const next = await rename(genesis, 'next.test', recovery)
    await client().submit(did, next)
    await refused(await rename(genesis, 'fork.test', rotation), 'invalid-signature')
    await refused(await rename(next, 'x.test', stranger.rotation), 'invalid-signature')
    await refused({ ...next, extra: 1 } as SignedOperation, 'invalid-operation')
    expect(await client().log(did)).toEqual({ ok: true, value: [genesis, next] })
  })

  it('closes the recovery window after 72 hours', async () => {
    const { did, genesis, recovery, rotation } = await newAccount()
    await client().submit(did, genesis)
    await client().submit(did, await rename(genesis, 'stolen.test', rotation))
    now += 72 * HOUR + 1000
    const result = await client().submit(did, await rename(genesis, 'mine.test', recovery))
    expect(result.ok ? '' : result.error.message).toContain('late-recovery')
  })

  it('limits the operations of one DID', async () => {
    const { did, genesis, rotation } = await newAccount()
    let last: SignedOperation = genesis
    await client().submit(did, genesis)
    for (let i = 1; i < 10; i++) {
      last = await rename(last, `h${i}.test`, rotation)
      expect(await client().submit(did, last)).toMatchObject({ ok: true })
    }
    const eleventh = await rename(last, 'h10.test', rotation)
    expect(await client().submit(did, eleventh)).toMatchObject({
      error: { code: 'rate-limited', status: 429 },
    })
    now += HOUR
    expect(await client().submit(did, eleventh)).toMatchObject({ ok: true })
  })
})

describe('export', () => {
  it('gives every entry once, in order, whatever the page size', async () => {
    const client = plcClient({ url: directory.url })
    // Many within one millisecond of the clock.
    const accounts = await Promise.all(Array.from({ length: 25 }, () => newAccount()))
    await Promise.all(accounts.map(({ did, genesis }) => client.submit(did, genesis)))
    const collect = async (pageSize: number): Promise<string[]> => {
      const seen: string[] = []
      for await (const entry of client.export({ pageSize })) seen.push(`${entry.createdAt} ${entry.cid}`)
      return seen
    }
    const all = await collect(1000)
    expect(all.length).toBeGreaterThan(25)
    expect(all).toEqual(all.toSorted())
    expect(new Set(all).size).toBe(all.length)
    for (const { genesis } of accounts) {
      expect(all.some((line) => line.endsWith(operationCid(genesis)))).toBe(true)
    }
    expect(await collect(7)).toEqual(all)
    expect(await collect(all.length)).toEqual(all)
  })

  it.each(['/export?count=0', '/export?count=x', '/export?count=-1', '/export?after=never'])(
    'refuses %s',
    async (path) => {
      expect((await fetch(directory.url + path)).status).toBe(400)
    },
  )
})

describe('HTTP', () => {
  const get = (path: string): Promise<Response> => fetch(directory.url + path)

  it('answers health, CORS, escaped DIDs and the media types of the public directory', async () => {
    const { did, genesis } = await newAccount()
    const post = await fetch(`${directory.url}/${encodeURIComponent(did)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(genesis),
    })
    expect(post.status).toBe(200)
    const document = await get(`/${encodeURIComponent(did)}`)
    expect(document.headers.get('content-type')).toMatch(/^application\/did\+ld\+json/)
    expect(document.headers.get('access-control-allow-origin')).toBe('*')
    expect((await get('/export')).headers.get('content-type')).toBe('application/jsonlines')
    expect(await (await get('/_health')).json()).toEqual({ version: expect.any(String) as string })
  })

  it.each([
    ['/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', 404],
    ['/did:plc:short', 404],
    ['/did:web:example.com', 404],
    ['/constructor', 404],
    ['/constructor/log', 404],
    ['/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/log', 404],
    ['/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/log/audit', 404],
    ['/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/log/last', 404],
    ['/a/b/c/d', 404],
  ])('GET %s answers %i with a message', async (path, status) => {
    const response = await get(path)
    expect(response.status).toBe(status)
    expect(await response.json()).toEqual({ message: expect.any(String) as string })
  })

  it.each([
    ['no JSON', '{', 400],
    ['a body far too large', JSON.stringify({ x: 'y'.repeat(100_000) }), 413],
    ['null', 'null', 400],
    ['deep JSON', '['.repeat(20_000) + ']'.repeat(20_000), 400],
  ])('POST with %s', async (_, body, status) => {
    const response = await fetch(`${directory.url}/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa`, {
      method: 'POST',
      body,
    })
    expect(response.status).toBe(status)
  })
})

describe('durability', () => {
  it('holds everything after a restart', async () => {
    const { did, genesis } = await newAccount()
    const client = () => plcClient({ url: directory.url })
    await client().submit(did, genesis)
    const before = await client().auditLog(did)
    await directory.close()
    directory = await start()
    expect(await client().auditLog(did)).toEqual(before)
  })

  it('lets exactly one of two concurrent operations follow the same one', async () => {
    const { did, genesis, rotation } = await newAccount()
    const client = plcClient({ url: directory.url })
    await client.submit(did, genesis)
    const rivals = await Promise.all(['a.test', 'b.test', 'c.test'].map((h) => rename(genesis, h, rotation)))
    const results = await Promise.all(rivals.map((rival) => client.submit(did, rival)))
    expect(results.filter((result) => result.ok)).toHaveLength(1)
    const log = await client.log(did)
    expect(log.ok && log.value).toHaveLength(2)
  })
})
