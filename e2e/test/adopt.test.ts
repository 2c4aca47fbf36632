// `avocet-pds adopt` on a reference PDS that stock clients filled: afterwards those clients go on as if nothing had happened.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { AtpAgent, type AtpSessionData } from '@atproto/api'
import { Secp256k1Keypair } from '@atproto/crypto'
import { verifyRepoCar } from '@atproto/repo'
import { createServiceJwt } from '@atproto/xrpc-server'
import { freePort, startService } from '@avocet/network'
import { createPlcDirectory, type PlcDirectory } from '@avocet/plc-directory'
import { decodeFrame } from '@avocet/xrpc'
import { CID } from 'multiformats/cid'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'

import { prepareReference } from '../reference-pds/setup.ts'
import { startReference } from '../support/reference.ts'

const ACCOUNTS = 50
const PASSWORD = 'correct horse battery'
const ADMIN = { authorization: `Basic ${Buffer.from('admin:adopt-admin').toString('base64')}` }

const reference = await prepareReference()
if (!reference.ok) console.warn(`\nSKIPPED: taking over a reference PDS: ${reference.reason}\n`)

/** What a client had when the reference PDS stopped. */
interface Client {
  readonly did: string
  readonly handle: string
  readonly session: AtpSessionData
  readonly records: ReadonlyMap<string, string>
  readonly blobs: readonly string[]
  readonly preferences: unknown
  readonly signingKey: string
  appPassword?: string
}

describe.skipIf(!reference.ok)('a reference PDS with 50 accounts', () => {
  const clients: Client[] = []
  let folder: string
  let plc: PlcDirectory
  let url: string
  let source: string
  let target: string
  let settings: Record<string, string>
  let newest: number
  let web: { did: string; server: Server; agent: AtpAgent }
  let invite: string
  let usedInvite: string
  let reservedKey: string
  let takendownBlob: { did: string; cid: string }
  let takendownRecord: { did: string; uri: string }
  let sourceHash: string
  let stop: (() => Promise<void>) | undefined

  beforeAll(async () => {
    if (!reference.ok) return
    folder = mkdtempSync(join(tmpdir(), 'avocet-adopt-e2e-'))
    source = join(folder, 'reference')
    mkdirSync(source)
    target = join(folder, 'avocet')
    plc = await createPlcDirectory({ port: 0, rateLimits: null })
    const port = await freePort()
    url = `http://localhost:${port}`
    settings = {
      PDS_PORT: String(port),
      PDS_HOSTNAME: 'localhost',
      // With a real name both derive it alike; on localhost only one of them adds the port.
      PDS_SERVICE_DID: 'did:web:localhost',
      PDS_DATA_DIRECTORY: source,
      PDS_BLOBSTORE_DISK_LOCATION: join(source, 'blocks'),
      PDS_DID_PLC_URL: `http://localhost:${plc.port}`,
      PDS_DEV_MODE: 'true',
      PDS_DISABLE_SSRF_PROTECTION: 'true',
      PDS_SERVICE_HANDLE_DOMAINS: '.test',
      PDS_INVITE_REQUIRED: 'true',
      PDS_JWT_SECRET: 'the secret of the sessions',
      PDS_ADMIN_PASSWORD: 'adopt-admin',
      PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX:
        '3f916c70dc69e4c5e83877f013325b11ecac31742e6a42f5c4fb240d0703d9d5',
      PDS_RATE_LIMITS_ENABLED: 'false',
      // Without one the reference has no preferences; nobody answers there.
      PDS_BSKY_APP_VIEW_URL: 'http://localhost:1',
      PDS_BSKY_APP_VIEW_DID: 'did:web:app-view.example',
    }
    writeFileSync(
      join(folder, 'pds.env'),
      Object.entries(settings)
        .map(([name, value]) => `${name}="${value}"\n`)
        .join(''),
    )
    stop = await startReference(reference, url, join(folder, 'reference.log'), settings)
    await fillReference()
    newest = await newestSeq(url)
    await stop()
    stop = undefined
    sourceHash = hashTree(source)
  }, 240_000)

  afterAll(async () => {
    await stop?.()
    web?.server.close()
    await plc?.close()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  async function fillReference(): Promise<void> {
    const operator = new AtpAgent({ service: url })
    const codes = async (useCount: number): Promise<string> =>
      (
        await operator.com.atproto.server.createInviteCode(
          { useCount },
          { headers: ADMIN, encoding: 'application/json' },
        )
      ).data.code
    usedInvite = await codes(ACCOUNTS + 5)
    invite = await codes(3)
    const signUp = async (i: number): Promise<Client> => {
      const agent = new AtpAgent({ service: url })
      const [handle, email] = [`person${i}.test`, `Person${i}@example.com`]
      await agent.createAccount({ handle, email, password: PASSWORD, inviteCode: usedInvite })
      return live(agent, i)
    }
    for (let i = 0; i < ACCOUNTS - 1; i += 7) {
      clients.push(...(await Promise.all(Array.from({ length: 7 }, (_, n) => signUp(i + n)))))
    }
    web = await createWebAccount()
    clients.push(await live(web.agent, ACCOUNTS - 1))

    const moderate = async (subject: Record<string, string>): Promise<void> => {
      await operator.com.atproto.admin.updateSubjectStatus(
        { subject: subject as never, takedown: { applied: true, ref: 'test' } },
        { headers: ADMIN, encoding: 'application/json' },
      )
    }
    await moderate({ $type: 'com.atproto.admin.defs#repoRef', did: clients[7]!.did })
    takendownBlob = { did: clients[12]!.did, cid: clients[12]!.blobs[0]! }
    await moderate({ $type: 'com.atproto.admin.defs#repoBlobRef', ...takendownBlob })
    const [path, cid] = [...clients[20]!.records][0]!
    takendownRecord = { did: clients[20]!.did, uri: `at://${clients[20]!.did}/${path}` }
    await moderate({ $type: 'com.atproto.repo.strongRef', uri: takendownRecord.uri, cid })
    const leaving = new AtpAgent({ service: url })
    await leaving.resumeSession(clients[8]!.session)
    await leaving.com.atproto.server.deactivateAccount({ deleteAfter: '2026-01-01T00:00:00.000Z' })
    reservedKey = (await operator.com.atproto.server.reserveSigningKey({})).data.signingKey
  }

  /** A few posts, some with pictures; preferences; an app password for some. */
  async function live(agent: AtpAgent, i: number): Promise<Client> {
    const did = agent.assertDid
    const blobs: string[] = []
    for (let n = 0; n <= i % 4; n++) {
      const embed = n === 0 && i % 3 === 0 ? await picture(agent, i, blobs) : undefined
      await agent.post({ text: `post ${n} of person ${i}`, ...(embed && { embed }) })
    }
    if (i % 5 === 0) await agent.upsertProfile(() => ({ displayName: `Person ${i}` }))
    await agent.app.bsky.actor.putPreferences({
      preferences: [{ $type: 'app.bsky.actor.defs#adultContentPref', enabled: i % 2 === 0 }],
    })
    const records = new Map<string, string>()
    for (const collection of ['app.bsky.feed.post', 'app.bsky.actor.profile']) {
      const { data } = await agent.com.atproto.repo.listRecords({ repo: did, collection, limit: 100 })
      for (const { uri, cid } of data.records) records.set(uri.slice(`at://${did}/`.length), cid)
    }
    const { preferences } = (await agent.app.bsky.actor.getPreferences()).data
    const handle = agent.session!.handle
    const { data: described } = await agent.com.atproto.repo.describeRepo({ repo: did })
    const methods = (described.didDoc as { verificationMethod: { publicKeyMultibase: string }[] })
      .verificationMethod
    const signingKey = `did:key:${methods[0]!.publicKeyMultibase}`
    const client: Client = { did, handle, session: agent.session!, records, blobs, preferences, signingKey }
    if (i % 6 === 0) {
      const { data } = await agent.com.atproto.server.createAppPassword({
        name: 'phone',
        privileged: i === 0,
      })
      client.appPassword = data.password
    }
    return client
  }

  async function picture(agent: AtpAgent, i: number, blobs: string[]): Promise<{ $type: string }> {
    const { data } = await agent.uploadBlob(pixels(i), { encoding: 'image/png' })
    blobs.push(data.blob.ref.toString())
    const images = [{ image: data.blob, alt: 'a picture' }]
    return { $type: 'app.bsky.embed.images', images } as { $type: string }
  }

  /** An account with a did:web, which brings its own document. */
  async function createWebAccount(): Promise<typeof web> {
    const key = await Secp256k1Keypair.create({ exportable: true })
    let document: object = {}
    const server = createServer((_, response) => {
      response.setHeader('content-type', 'application/json').end(JSON.stringify(document))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const did = `did:web:localhost%3A${(server.address() as AddressInfo).port}`
    const documentWith = (signing: string): object => ({
      '@context': ['https://www.w3.org/ns/did/v1'],
      id: did,
      alsoKnownAs: ['at://spider.test'],
      verificationMethod: [
        {
          id: `${did}#atproto`,
          type: 'Multikey',
          controller: did,
          publicKeyMultibase: signing.slice('did:key:'.length),
        },
      ],
      service: [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: url }],
    })
    document = documentWith(key.did())
    const agent = new AtpAgent({ service: url })
    const { data: described } = await agent.com.atproto.server.describeServer()
    const token = await createServiceJwt({
      iss: did,
      aud: described.did,
      lxm: 'com.atproto.server.createAccount',
      keypair: key,
    })
    const { data } = await agent.com.atproto.server.createAccount(
      { handle: 'spider.test', email: 'spider@example.com', password: PASSWORD, did, inviteCode: usedInvite },
      { headers: { authorization: `Bearer ${token}` }, encoding: 'application/json' },
    )
    await agent.resumeSession({ ...data, active: false } as AtpSessionData)
    const { data: wanted } = await agent.com.atproto.identity.getRecommendedDidCredentials()
    document = documentWith((wanted.verificationMethods as { atproto: string }).atproto)
    await agent.com.atproto.server.activateAccount()
    await agent.login({ identifier: 'spider.test', password: PASSWORD })
    return { did, server, agent }
  }

  const adopt = (
    args: readonly string[] = [],
    env: Record<string, string> = {},
    killAfterMs = 0,
    at = { source, target },
  ): Promise<{ code: number | null; output: string }> => {
    const main = join(import.meta.dirname, '../../apps/pds/src/main.ts')
    const envFile = ['--env-file', join(folder, 'pds.env')]
    const child = spawn(
      process.execPath,
      [main, '--data', at.target, 'adopt', at.source, ...envFile, ...args],
      {
        env: { PATH: process.env['PATH'], PDS_HOSTNAME: 'localhost', ...env },
      },
    )
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    if (killAfterMs > 0) setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })))
  }

  test('is looked through first, and nothing is written', async () => {
    const { code, output } = await adopt()
    expect(output).toContain(`${ACCOUNTS} accounts in ${source}`)
    expect(output).toContain('all is there; nothing was written')
    expect(output).not.toContain('PROBLEM')
    expect(code).toBe(0)
    expect(existsSync(target)).toBe(false)
    expect(hashTree(source)).toBe(sourceHash)
  })

  test('is refused where keys differ, blobs would mix, or the folder is used', async () => {
    expect(await adopt(['--write'], { PDS_JWT_SECRET: 'another secret of sessions' })).toMatchObject({
      code: 1,
      output: expect.stringContaining('PDS_JWT_SECRET is not that of the reference PDS'),
    })
    expect(await adopt(['--write'], { PDS_BLOBSTORE_DISK_LOCATION: join(source, 'blocks') })).toMatchObject({
      code: 1,
      output: expect.stringContaining('blobs would go into the folder of the reference PDS'),
    })
    expect(await adopt(['--write', '--data', source])).toMatchObject({
      code: 1,
      output: expect.stringContaining('the data directory is not empty'),
    })
    const other = await adopt(['--env-file', '/dev/null'])
    expect(other).toMatchObject({ code: 1, output: expect.stringContaining('PDS_JWT_SECRET is not known') })
    expect(existsSync(target)).toBe(false)
    expect(hashTree(source)).toBe(sourceHash)
  })

  test('is not put in place when the reference PDS writes meanwhile', async () => {
    const copy = join(folder, 'busy')
    cpSync(source, copy, { recursive: true })
    const other = join(folder, 'busy-target')
    const running = adopt(['--write', '--source-blobs', join(source, 'blocks')], {}, 0, {
      source: copy,
      target: other,
    })
    await expect
      .poll(() => existsSync(join(other, 'pds.sqlite.adopting')), { timeout: 20_000, interval: 5 })
      .toBe(true)
    writeFileSync(join(copy, 'account.sqlite'), readFileSync(join(copy, 'account.sqlite')))
    expect(await running).toMatchObject({
      code: 1,
      output: expect.stringContaining('the reference PDS is running, and wrote meanwhile'),
    })
    expect(existsSync(join(other, 'pds.sqlite'))).toBe(false)
  })

  test('is taken over, also when that is cut short in between', async () => {
    expect((await adopt(['--write'], {}, 900)).code).toBeNull()
    // What is half there is no server yet.
    expect(existsSync(join(target, 'pds.sqlite'))).toBe(false)
    const { code, output } = await adopt(['--write'])
    const records = clients.reduce((sum, client) => sum + client.records.size, 0)
    const blobs = clients.reduce((sum, client) => sum + client.blobs.length, 0)
    expect(output).toContain(
      `equal to the source: ${ACCOUNTS} accounts, ${records} records, ${blobs} blobs, 1 reserved key`,
    )
    expect(output).toContain(`events go on from ${newest + 1_000_001}; the reference was at ${newest}`)
    expect(output).not.toContain('PROBLEM')
    expect(code).toBe(0)
    expect(hashTree(source)).toBe(sourceHash)

    // The keys came over with the data.
    const {
      PDS_JWT_SECRET: _jwt,
      PDS_ADMIN_PASSWORD: _password,
      PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: _rotation,
      ...others
    } = settings
    const service = await startService({
      name: 'pds',
      app: 'pds',
      args: ['--data', target],
      url,
      healthPath: '/xrpc/_health',
      logFile: join(folder, 'avocet.log'),
      env: {
        ...others,
        PDS_HOST: 'localhost',
        PDS_DATA_DIRECTORY: target,
        PDS_BLOBSTORE_DISK_LOCATION: join(target, 'blobs'),
      },
    })
    stop = () => service.stop()
  })

  test('stock clients resume their sessions, and sign in by password and app password', async () => {
    for (const [i, { did, handle, session, appPassword }] of clients.entries()) {
      const agent = new AtpAgent({ service: url })
      if (i === 7) {
        await expect(agent.resumeSession(session)).rejects.toMatchObject({ error: 'AccountTakedown' })
        continue
      }
      // The access token of the reference still works, and its refresh token brings a new pair.
      expect((await agent.resumeSession(session)).data).toMatchObject({ did, handle, active: i !== 8 })
      await agent.sessionManager.refreshSession()
      expect(agent.session!.refreshJwt).not.toBe(session.refreshJwt)
      if (i % 10 === 0) {
        const { data } = await new AtpAgent({ service: url }).login({
          identifier: handle,
          password: PASSWORD,
        })
        expect(data).toMatchObject({ did, email: `${handle.split('.')[0]}@example.com` })
      }
      if (appPassword === undefined) continue
      for (let again = 0; again < 2; again++) {
        const phone = new AtpAgent({ service: url })
        await phone.login({ identifier: did, password: appPassword })
        await expect(phone.com.atproto.server.createAppPassword({ name: 'x' })).rejects.toMatchObject({
          status: 400,
        })
        expect((await phone.com.atproto.repo.describeRepo({ repo: did })).data.did).toBe(did)
      }
    }
  })

  test('every CAR verifies with @atproto/repo, and holds what was there', async () => {
    const operator = new AtpAgent({ service: url })
    for (const { did, records, signingKey } of clients) {
      const { data } = await operator.com.atproto.sync.getRepo({ did }, { headers: ADMIN })
      const { creates } = await verifyRepoCar(data, did, signingKey)
      const found = creates.map(
        ({ collection, rkey, cid }) => [`${collection}/${rkey}`, cid.toString()] as const,
      )
      expect(new Map(found)).toEqual(records)
    }
  })

  test('records are served, blobs hash, what was taken down stays so', async () => {
    const agent = new AtpAgent({ service: url })
    for (const [i, { did, records, blobs }] of clients.entries()) {
      if (i === 7 || i === 8) continue
      const { data } = await agent.com.atproto.repo.listRecords({
        repo: did,
        collection: 'app.bsky.feed.post',
        limit: 100,
      })
      const posts = [...records.keys()].filter((path) => path.startsWith('app.bsky.feed.post/')).length
      expect(data.records).toHaveLength(did === takendownRecord.did ? posts - 1 : posts)
      for (const cid of blobs) {
        const blob = agent.com.atproto.sync.getBlob({ did, cid })
        if (cid === takendownBlob.cid) {
          await expect(blob).rejects.toMatchObject({ status: 400, message: 'Blob not found' })
          continue
        }
        const { data: bytes, headers } = await blob
        expect(headers['content-type']).toBe('image/png')
        const digest = createHash('sha256').update(bytes).digest()
        expect(CID.parse(cid).multihash.digest).toEqual(new Uint8Array(digest))
      }
    }
    await expect(
      agent.com.atproto.sync.getRepoStatus({ did: clients[7]!.did }).then(({ data }) => data.status),
    ).resolves.toBe('takendown')
    await expect(
      agent.com.atproto.sync.getRepoStatus({ did: clients[8]!.did }).then(({ data }) => data.status),
    ).resolves.toBe('deactivated')
  })

  test('preferences, invites and reserved keys are there; a planned deletion keeps its hold', async () => {
    const { did, session, preferences } = clients[3]!
    const agent = new AtpAgent({ service: url })
    await agent.login({ identifier: did, password: PASSWORD })
    expect(session.did).toBe(did)
    expect((await agent.app.bsky.actor.getPreferences()).data.preferences).toEqual(preferences)
    const { data } = await agent.com.atproto.admin.getInviteCodes({ limit: 100 }, { headers: ADMIN })
    const used = data.codes.find(({ code }) => code === usedInvite)!
    expect([used.available, used.uses.length]).toEqual([ACCOUNTS + 5, ACCOUNTS])
    const newcomer = new AtpAgent({ service: url })
    const input = { email: 'newcomer@example.com', password: PASSWORD, handle: 'newcomer.test' }
    await expect(newcomer.createAccount(input)).rejects.toMatchObject({ error: 'InvalidInviteCode' })
    await newcomer.createAccount({ ...input, inviteCode: invite })
    expect(reservedKey).toMatch(/^did:key:z/)
    const { data: left } = await agent.com.atproto.admin.getAccountInfo(
      { did: clients[8]!.did },
      { headers: ADMIN },
    )
    expect(left.deactivatedAt).toBeDefined()
  })

  test('identities are changed with the key of the reference', async () => {
    const { did } = clients[5]!
    const agent = new AtpAgent({ service: url })
    await agent.login({ identifier: did, password: PASSWORD })
    await agent.updateHandle({ handle: 'renamed.test' })
    const document = (await (await fetch(`http://localhost:${plc.port}/${did}`)).json()) as {
      alsoKnownAs: string[]
    }
    expect(document.alsoKnownAs).toEqual(['at://renamed.test'])
  })

  test('writing goes on: a new post chains to the last commit, above the margin on the firehose', async () => {
    const { did, records } = clients[4]!
    const agent = new AtpAgent({ service: url })
    await agent.login({ identifier: did, password: PASSWORD })
    const before = (await agent.com.atproto.sync.getLatestCommit({ did })).data
    const events = await readStream(
      `${url.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos?cursor=${newest}`,
      async () => {
        await agent.post({ text: 'the first one here' })
      },
      (body) => body['repo'] === did && Array.isArray(body['ops']) && body['ops'].length > 0,
    )
    const seqs = events.map(({ seq }) => Number(seq))
    expect(Math.min(...seqs)).toBeGreaterThan(newest + 1_000_000)
    expect(events.at(-1)).toMatchObject({ since: before.rev })
    // Where each account stands was told anew: 48 active ones by #account and #sync, the other two by #account alone.
    const kinds = Map.groupBy(events, (event) => String(event['$kind']))
    const told = new Set(kinds.get('#account')!.map((event) => event['did']))
    expect(clients.filter((client) => !told.has(client.did))).toEqual([])
    const synced = kinds.get('#sync')!.map((event) => event['did'])
    expect(clients.filter((client) => !synced.includes(client.did)).map((client) => client.did)).toEqual([
      clients[7]!.did,
      clients[8]!.did,
    ])
    const { data } = await agent.com.atproto.repo.listRecords({ repo: did, collection: 'app.bsky.feed.post' })
    expect(data.records).toHaveLength(records.size + 1)
  })
})

/** A PNG header and bytes that no other account has. */
function pixels(i: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array([
    0x89,
    0x50,
    0x4e,
    0x47,
    0x0d,
    0x0a,
    0x1a,
    0x0a,
    0,
    0,
    0,
    13,
    73,
    72,
    68,
    82,
    i,
    i >> 8,
    7,
    7,
  ])
}

/** One hash over every file below a folder, with its name. */
function hashTree(folder: string): string {
  const hash = createHash('sha256')
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })
    .map(({ parentPath, name }) => join(parentPath, name))
    .toSorted()) {
    hash.update(entry)
    if (statSync(entry).isFile()) hash.update(readFileSync(entry))
  }
  return hash.digest('hex')
}

/** The number of the newest event of a PDS: the one it sends last when asked for all. */
async function newestSeq(url: string): Promise<number> {
  const service = `${url.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos?cursor=0`
  let last = 0
  const ws = new WebSocket(service)
  await new Promise<void>((resolve, reject) => {
    let timer = setTimeout(resolve, 2000)
    ws.on('error', reject)
    ws.on('message', (data: Buffer) => {
      last = Number(bodyOf(data)['seq'])
      clearTimeout(timer)
      timer = setTimeout(resolve, 1000)
    })
  })
  ws.terminate()
  return last
}

/** Reads a stream until an event is the one that is waited for; `act` runs once it is open. */
function readStream(
  service: string,
  act: () => Promise<void>,
  isLast: (body: Record<string, unknown>) => boolean,
): Promise<Record<string, unknown>[]> {
  const events: Record<string, unknown>[] = []
  const ws = new WebSocket(service)
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no such event among ${events.length}`)), 20_000)
    ws.on('error', reject)
    ws.on('open', () => void act().catch(reject))
    ws.on('message', (data: Buffer) => {
      const body = bodyOf(data)
      events.push(body)
      if (!isLast(body)) return
      clearTimeout(timer)
      ws.terminate()
      resolve(events)
    })
  })
}

function bodyOf(data: Buffer): Record<string, unknown> {
  const frame = decodeFrame(new Uint8Array(data))
  if (!frame.ok || frame.value.kind !== 'message') throw new Error('an error frame')
  return { ...(frame.value.body as Record<string, unknown>), $kind: frame.value.type }
}
