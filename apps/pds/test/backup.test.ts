import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { advanceSeq } from '@avocet/sequencer/sqlite'
import { openDatabase } from '@avocet/sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { createPds, type Pds } from '../src/app.ts'
import { backup } from '../src/commands/backup.ts'
import { createProgram } from '../src/commands/program.ts'
import { addApp, type AddedApp } from './authenticator-app.ts'
import { runCommand, startCommand } from './command.ts'
import { startDirectory, type TestDirectory } from './directory.ts'
import { readFirehose } from './firehose.ts'

const KEY = 'ab'.repeat(32)
let root: string
let directory: TestDirectory
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'avocet-pds-backup-'))
  directory = await startDirectory()
})
afterAll(async () => {
  await directory[Symbol.asyncDispose]()
  await rm(root, { recursive: true, force: true })
})

/** The variables of a server as its distribution sets them, with folders below `name`. */
const environment = (name: string): Record<string, string> => ({
  PDS_HOSTNAME: 'localhost',
  PDS_PORT: '0',
  PDS_DATA_DIRECTORY: join(root, name),
  PDS_BLOBSTORE_DISK_LOCATION: join(root, name, 'blocks'),
  PDS_DID_PLC_URL: directory.url,
  PDS_JWT_SECRET: 'j'.repeat(32),
  PDS_ADMIN_PASSWORD: 'operator-password',
  PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: KEY,
})

async function run(env: Record<string, string>, ...args: string[]): Promise<string[]> {
  const lines: string[] = []
  await createProgram({
    env,
    print: (line) => lines.push(line),
    serve: () => Promise.resolve(),
  }).parseAsync(args, { from: 'user' })
  return lines
}

const start = (name: string): Promise<Pds> =>
  createPds({
    port: 0,
    dataDirectory: join(root, name),
    blobDirectory: join(root, name, 'blocks'),
    plcUrl: directory.url,
    jwtSecret: 'j'.repeat(32),
    adminPassword: 'operator-password',
    plcRotationKeyHex: KEY,
    loginFloorMs: 0,
    inviteRequired: false,
  })

async function call(url: string, nsid: string, input: unknown, token?: string): Promise<any> {
  const bytes = input instanceof Uint8Array
  const response = await fetch(`${url}/xrpc/${nsid}`, {
    method: 'POST',
    headers: {
      'content-type': bytes ? 'image/png' : 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: bytes ? new Uint8Array(input) : JSON.stringify(input),
  })
  if (response.status !== 200) throw new Error(`${nsid}: ${response.status} ${await response.text()}`)
  const text = await response.text()
  return text === '' ? undefined : JSON.parse(text)
}

const signUp = (url: string, name: string): Promise<{ did: string; accessJwt: string }> =>
  call(url, 'com.atproto.server.createAccount', {
    handle: `${name}.test`,
    email: `${name}@example.com`,
    password: 'correct horse',
  })

/** Uploads bytes and writes a record that refers to them. */
async function writeBlob(
  url: string,
  did: string,
  token: string,
  text: string,
  rkey: string,
): Promise<string> {
  const { blob } = await call(url, 'com.atproto.repo.uploadBlob', Buffer.from(text), token)
  const record = { $type: 'com.example.picture', blob }
  await call(
    url,
    'com.atproto.repo.createRecord',
    { repo: did, collection: 'com.example.picture', rkey, record, validate: false },
    token,
  )
  return blob.ref.$link as string
}

const getBlob = async (url: string, did: string, cid: string): Promise<string> => {
  const response = await fetch(`${url}/xrpc/com.atproto.sync.getBlob?did=${did}&cid=${cid}`)
  return `${response.status} ${await response.text()}`
}

test('with the settings of a distribution a backup comes back whole, blobs and keys included (B3)', async () => {
  let did: string
  let cid: string
  let app: AddedApp
  {
    await using pds = await start('whole')
    const account = await signUp(pds.url, 'whole')
    did = account.did
    app = await addApp(pds, did)
    cid = await writeBlob(pds.url, did, account.accessJwt, 'a picture', 'one')
    const lines = await run(environment('whole'), 'backup', join(root, 'whole-copy'))
    expect(lines.at(-1)).toMatch(/^backup complete: 1 account, 1 blob \(9 bytes\), secrets included; /)
  }
  expect(await run({}, 'backup', '--verify', join(root, 'whole-copy'))).toEqual([
    expect.stringMatching(/^ok: 1 account, 1 blob, made at /),
  ])
  expect((await stat(join(root, 'whole-copy', 'secrets.json'))).mode & 0o777).toBe(0o600)
  const target = { ...environment('whole-again'), PDS_BLOBSTORE_DISK_LOCATION: join(root, 'elsewhere') }
  await run(target, 'restore', join(root, 'whole-copy'))
  expect(await readdir(join(root, 'elsewhere', did))).toEqual([cid])
  await using again = await createPds({
    port: 0,
    dataDirectory: join(root, 'whole-again'),
    blobDirectory: join(root, 'elsewhere'),
    plcUrl: directory.url,
  })
  expect(await getBlob(again.url, did, cid)).toBe('200 a picture')
  const session = await call(again.url, 'com.atproto.server.createSession', {
    identifier: 'whole.test',
    password: 'correct horse',
    // The key that opens the secret of the app came back, too.
    authFactorToken: app.code(1),
  })
  const credentials = (token: string, url: string): Promise<{ rotationKeys: string[] }> =>
    fetch(`${url}/xrpc/com.atproto.identity.getRecommendedDidCredentials`, {
      headers: { authorization: `Bearer ${token}` },
    }).then((response) => response.json() as Promise<{ rotationKeys: string[] }>)
  const log = directory.log(did).at(-1) as unknown as { rotationKeys: string[] }
  expect((await credentials(session.accessJwt, again.url)).rotationKeys).toEqual(log.rotationKeys)
})

test('a backup in a process of its own ends while the server writes, and the server goes on (B4)', async () => {
  const env = environment('load')
  {
    // Enough pages that a copy in steps, begun anew at each commit, would not end.
    await start('load').then((pds) => pds.close())
    using db = openDatabase({ path: join(root, 'load', 'pds.sqlite') })
    db.raw.exec('CREATE TABLE padding (bytes BLOB)')
    const insert = db.raw.prepare('INSERT INTO padding VALUES (randomblob(1000000))')
    db.transaction(() => {
      for (let megabyte = 0; megabyte < 60; megabyte++) insert.run()
    })
  }
  const server = await startCommand([], env)
  try {
    const { did, accessJwt } = await signUp(server.url, 'load')
    let acknowledged = 0
    let slowest = 0
    const done = new AbortController()
    const writer = async (): Promise<void> => {
      while (!done.signal.aborted) {
        const before = performance.now()
        const record = { text: 'x'.repeat(200) }
        await call(
          server.url,
          'com.atproto.repo.createRecord',
          { repo: did, collection: 'com.example.load', record, validate: false },
          accessJwt,
        )
        acknowledged++
        slowest = Math.max(slowest, performance.now() - before)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    const writers = Array.from({ length: 8 }, writer)
    await new Promise((resolve) => setTimeout(resolve, 300))
    const from = acknowledged
    const started = performance.now()
    const made = await runCommand(['backup', join(root, 'load-copy')], env)
    const seconds = (performance.now() - started) / 1000
    const during = acknowledged - from
    done.abort()
    await Promise.all(writers)
    console.log(
      `backup of 60 MB: ${seconds.toFixed(1)} s, ${(during / seconds).toFixed(0)} writes/s, slowest write ${slowest.toFixed(0)} ms`,
    )
    expect([made.code, made.stderr]).toEqual([0, ''])
    // A copy in steps begins anew at each of these.
    expect(during).toBeGreaterThan(20)
    expect(slowest).toBeLessThan(5000)
    expect(await readdir(join(root, 'load'))).not.toContain('backup.hold')
  } finally {
    await server.stop('SIGTERM')
  }
  expect(await run({}, 'backup', '--verify', join(root, 'load-copy'))).toHaveLength(1)
}, 60_000)

test('a blob whose record goes while the backup is made is in it, and gone from the server (B4)', async () => {
  await using pds = await start('hold')
  const { did, accessJwt: token } = await signUp(pds.url, 'hold')
  const other = await signUp(pds.url, 'holdother')
  const cid = await writeBlob(pds.url, did, token, 'soon gone', 'one')
  const kept = await writeBlob(pds.url, other.did, other.accessJwt, 'account gone', 'two')
  const target = join(root, 'hold-copy')
  const settings = { dataDirectory: join(root, 'hold'), blobDirectory: join(root, 'hold', 'blocks') }
  await backup(
    { ...settings, plcRotationKeyHex: KEY, jwtSecret: 'j'.repeat(32), adminPassword: 'operator-password' },
    target,
    async (line) => {
      if (!line.startsWith('database copied')) return
      const gone = { repo: did, collection: 'com.example.picture', rkey: 'one' }
      await call(pds.url, 'com.atproto.repo.deleteRecord', gone, token)
      const admin = `Basic ${Buffer.from('admin:operator-password').toString('base64')}`
      const removed = await fetch(`${pds.url}/xrpc/com.atproto.admin.deleteAccount`, {
        method: 'POST',
        headers: { authorization: admin, 'content-type': 'application/json' },
        body: JSON.stringify({ did: other.did }),
      })
      expect(removed.status).toBe(200)
      expect(await getBlob(pds.url, did, cid)).toContain('400 ')
      expect(await getBlob(pds.url, other.did, kept)).toContain('400 ')
    },
  )
  expect(await readFile(join(target, 'blobs', did, cid), 'utf8')).toBe('soon gone')
  expect(await readFile(join(target, 'blobs', other.did, kept), 'utf8')).toBe('account gone')
  expect(await run({}, 'backup', '--verify', target)).toHaveLength(1)
  const left = await readdir(join(root, 'hold', 'blocks'), { recursive: true })
  expect(left.filter((name) => name.endsWith(cid) || name.endsWith(kept))).toEqual([])
})

test('what is wrong with a backup is found (B4)', async () => {
  const target = join(root, 'damaged-copy')
  let did: string
  let cid: string
  {
    await using pds = await start('damaged')
    const account = await signUp(pds.url, 'damaged')
    did = account.did
    cid = await writeBlob(pds.url, did, account.accessJwt, 'a picture', 'one')
    await run(environment('damaged'), 'backup', target)
  }
  const verify = (): Promise<string[]> => run({}, 'backup', '--verify', target)
  const blob = join(target, 'blobs', did, cid)
  const change = async (path: string, act: () => Promise<void>, message: RegExp): Promise<void> => {
    const before = await readFile(path)
    await act()
    await expect(verify()).rejects.toThrow(message)
    await writeFile(path, before)
    expect(await verify()).toHaveLength(1)
  }
  await change(blob, () => writeFile(blob, 'b picture'), /^the backup is damaged: .*blobs.*: other content/s)
  await change(blob, () => rm(blob), /^the backup is damaged: .*: missing/s)
  const database = join(target, 'pds.sqlite')
  await change(database, () => truncate(database, 8192), /pds\.sqlite: other content/)
  const sums = join(target, 'SHA256SUMS')
  await change(sums, () => truncate(sums, 70), /SHA256SUMS: other content/)
  const manifest = join(target, 'manifest.json')
  await change(manifest, () => rm(manifest), /^no complete backup here/)
  // A list that was changed together with its hash still has to name the file of every blob row.
  await expect(run(environment('nowhere'), 'restore', join(root, 'damaged'))).rejects.toThrow(
    'no complete backup',
  )
  await rm(blob)
  await expect(run(environment('nowhere'), 'restore', target)).rejects.toThrow('missing')
  await expect(readdir(join(root, 'nowhere'))).rejects.toThrow('ENOENT')
})

test('a list that was made to fit the damage is found out by the CIDs, and leads nowhere else (B4)', async () => {
  const target = join(root, 'forged-copy')
  let did: string
  let cid: string
  {
    await using pds = await start('forged')
    const account = await signUp(pds.url, 'forged')
    did = account.did
    cid = await writeBlob(pds.url, did, account.accessJwt, 'a picture', 'one')
    await run(environment('forged'), 'backup', target)
  }
  const [sums, manifest] = [join(target, 'SHA256SUMS'), join(target, 'manifest.json')]
  const list = await readFile(sums, 'utf8')
  const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')
  /** Changes the list, and the manifest with it. */
  const forge = async (text: string, blobs = 1): Promise<void> => {
    await writeFile(sums, text)
    const json = JSON.parse(await readFile(manifest, 'utf8')) as { blobs: object }
    const forged = { ...json, sums: hashOf(text), blobs: { ...json.blobs, count: blobs } }
    await writeFile(manifest, JSON.stringify(forged))
  }
  const verify = (): Promise<string[]> => run({}, 'backup', '--verify', target)
  await forge(list)
  expect(await verify()).toHaveLength(1)
  const blob = join(target, 'blobs', did, cid)
  await writeFile(blob, 'b picture')
  await forge(list.replace(hashOf('a picture'), hashOf('b picture')))
  await expect(verify()).rejects.toThrow(`blobs/${did}/${cid}: not what its CID names`)
  await writeFile(blob, 'a picture')
  for (const name of [
    'blobs/../../outside',
    `blobs/${did}/../x`,
    `blobs/${did}/${cid}/x`,
    '/etc/passwd',
    'other',
  ]) {
    await forge(`${list}${hashOf('x')}  ${name}\n`)
    await expect(verify()).rejects.toThrow('SHA256SUMS: no line of such a list')
  }
  await forge(list, 2)
  await expect(verify()).rejects.toThrow('other number of blobs; listed=1 manifest=2')
  await forge(list)
  expect(await verify()).toHaveLength(1)
})

test('a blob that is damaged or missing is named, and not in the backup (B4)', async () => {
  await using pds = await start('spoilt')
  const { did, accessJwt: token } = await signUp(pds.url, 'spoilt')
  const [damaged, missing, sound] = [
    await writeBlob(pds.url, did, token, 'damaged', 'one'),
    await writeBlob(pds.url, did, token, 'missing', 'two'),
    await writeBlob(pds.url, did, token, 'sound', 'three'),
  ]
  const place = join(root, 'spoilt', 'blocks', did)
  await writeFile(join(place, damaged), 'DAMAGED')
  await rm(join(place, missing))
  const lines: string[] = []
  const target = join(root, 'spoilt-copy')
  const program = createProgram({
    env: environment('spoilt'),
    print: (line) => lines.push(line),
    serve: () => Promise.resolve(),
  })
  await expect(program.parseAsync(['backup', target], { from: 'user' })).rejects.toThrow(
    /^2 blobs of 3 could not be copied/,
  )
  expect(lines).toContain(`OTHER CONTENT: blob ${damaged} of ${did}`)
  expect(lines).toContain(`NO FILE: blob ${missing} of ${did}`)
  expect(await readdir(join(target, 'blobs', did))).toEqual([sound])
})

test('no backup is made with another key than the server’s, and none is restored without one (B4)', async () => {
  const settings = environment('keys')
  {
    await using pds = await start('keys')
    await signUp(pds.url, 'keys')
    // The server has its keys from its environment; whoever forgets to give them to the command must not notice at a restore.
    const without = {
      PDS_DATA_DIRECTORY: settings['PDS_DATA_DIRECTORY']!,
      PDS_BLOBSTORE_DISK_LOCATION: settings['PDS_BLOBSTORE_DISK_LOCATION']!,
    }
    await expect(run(without, 'backup', join(root, 'keys-none'))).rejects.toThrow(
      /^the rotation key of this server is not known here .*PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX/s,
    )
    const other = { ...settings, PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: 'cd'.repeat(32) }
    await expect(run(other, 'backup', join(root, 'keys-other'))).rejects.toThrow(
      /^the server uses another rotation key than this command was given/,
    )
    await expect(readdir(join(root, 'keys-other'))).rejects.toThrow('ENOENT')
    const lines = await run(settings, 'backup', '--without-secrets', join(root, 'keys-copy'))
    expect(lines.join('\n')).toContain('SECRETS ARE NOT IN THIS BACKUP')
    expect(await readdir(join(root, 'keys-copy'))).not.toContain('secrets.json')
  }
  const bare = {
    PDS_DATA_DIRECTORY: join(root, 'keys-again'),
    PDS_BLOBSTORE_DISK_LOCATION: join(root, 'keys-again', 'blocks'),
  }
  await expect(run(bare, 'restore', join(root, 'keys-copy'))).rejects.toThrow(
    /^the backup has no rotation key, and none is given/,
  )
  const wrong = { ...bare, PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: 'cd'.repeat(32) }
  await expect(run(wrong, 'restore', join(root, 'keys-copy'))).rejects.toThrow(
    /^the rotation key given is not that of the backup/,
  )
  await expect(readdir(bare.PDS_DATA_DIRECTORY)).rejects.toThrow('ENOENT')
  const right = { ...bare, PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: KEY }
  expect((await run(right, 'restore', join(root, 'keys-copy'))).at(-1)).toMatch(/^restored; /)
})

test('a restore announces every account with a new revision, above the numbers relays saw (B4)', async () => {
  const target = join(root, 'sync-copy')
  let last: number
  let revs: Map<string, string>
  let dids: string[]
  {
    await using pds = await start('sync')
    const one = await signUp(pds.url, 'syncone')
    const two = await signUp(pds.url, 'synctwo')
    dids = [one.did, two.did]
    await call(pds.url, 'com.atproto.server.deactivateAccount', {}, two.accessJwt)
    await run(environment('sync'), 'backup', target)
    // Lost with the disk: the relay has seen it.
    const lost = { repo: one.did, collection: 'com.example.lost', record: {}, validate: false }
    await call(pds.url, 'com.atproto.repo.createRecord', lost, one.accessJwt)
    const { events } = await readFirehose(pds.url, 0, () => false, 300)
    last = events.at(-1)!.body.seq as number
    revs = new Map(events.filter(({ body }) => body.rev).map(({ body }) => [body.did ?? body.repo, body.rev]))
  }
  await run(environment('sync-again'), 'restore', target)
  await using again = await start('sync-again')
  const { events } = await readFirehose(again.url, last, (seen) => seen.length === 3)
  // Each account's events in their order, whichever account comes first.
  const byAccount = events.toSorted((a, b) => dids.indexOf(a.body.did) - dids.indexOf(b.body.did))
  expect(byAccount.map(({ type, body }) => [type, body.did, body.active])).toEqual([
    ['#account', dids[0], true],
    ['#sync', dids[0], undefined],
    ['#account', dids[1], false],
  ])
  expect(Math.min(...events.map(({ body }) => body.seq))).toBeGreaterThan(last + 900_000)
  const sync = events.find(({ type }) => type === '#sync')!.body
  expect(sync.rev > revs.get(dids[0]!)!).toBe(true)
  const latest = await fetch(`${again.url}/xrpc/com.atproto.sync.getLatestCommit?did=${dids[0]}`)
  expect(((await latest.json()) as { rev: string }).rev).toBe(sync.rev)
  expect((await run(environment('sync-again'), 'audit', '--limit', '1'))[0]).toContain(
    '\tbackup restored\tcommand line\tdone\t',
  )
})

test('a restore fills empty folders alone, and names accounts that it could not announce (B4)', async () => {
  const target = join(root, 'ahead-copy')
  let dids: string[]
  {
    await using pds = await start('ahead')
    dids = [(await signUp(pds.url, 'aheadone')).did, (await signUp(pds.url, 'aheadtwo')).did]
    using db = openDatabase({ path: join(root, 'ahead', 'pds.sqlite') })
    // A revision that nothing can follow: relays refuse what is so far ahead.
    db.raw.prepare('UPDATE repo SET rev = ? WHERE did = ?').run('7zzzzzzzzzzzz', dids[0]!)
    await run(environment('ahead'), 'backup', target)
  }
  const filled = environment('ahead-filled')
  const blobs = filled['PDS_BLOBSTORE_DISK_LOCATION']!.replace('ahead-filled', 'ahead-blobs')
  await mkdir(join(blobs, 'did:plc:other'), { recursive: true })
  await writeFile(join(blobs, 'did:plc:other', 'x'), 'x')
  await expect(run({ ...filled, PDS_BLOBSTORE_DISK_LOCATION: blobs }, 'restore', target)).rejects.toThrow(
    /^the folder is not empty \(did:plc:other\); path=/,
  )
  await expect(readdir(join(root, 'ahead-filled'))).rejects.toThrow('ENOENT')
  const lines = await run(environment('ahead-again'), 'restore', target)
  expect(lines.filter((line) => line.startsWith('NOT ANNOUNCED'))).toEqual([
    expect.stringContaining(`NOT ANNOUNCED ${dids[0]}: `),
  ])
  expect(lines.at(-1)).toContain('1 account announced (0 inactive)')
})

test('a copy made before an upgrade is put back, above the numbers relays saw', async () => {
  const settings = environment('back')
  const copy = join(root, 'back-copy.sqlite')
  let last: number
  {
    await using pds = await start('back')
    const account = await signUp(pds.url, 'back')
    using db = openDatabase({ path: join(root, 'back', 'pds.sqlite') })
    db.raw.prepare('VACUUM INTO ?').run(copy)
    await writeBlob(pds.url, account.did, account.accessJwt, 'later', 'one')
    // More events than the margin: a server that ran for months since.
    advanceSeq(db, 2_000_000)
    await writeBlob(pds.url, account.did, account.accessJwt, 'much later', 'two')
    last = (await readFirehose(pds.url, 0, () => false, 300)).events.at(-1)!.body.seq as number
    const port = { ...settings, PDS_PORT: String(pds.port) }
    await expect(run(port, 'rollback', copy)).rejects.toThrow('stop the server first')
    // Whoever gives another port than that of the server is stopped by its hold on the data.
    await expect(run({ ...settings, PDS_PORT: '1' }, 'rollback', copy)).rejects.toThrow(
      `another avocet-pds is using it (process ${process.pid})`,
    )
    expect(await readdir(join(root, 'back'))).not.toContain('pds.sqlite.restoring')
  }
  await expect(run(settings, 'rollback', join(root, 'nothing'))).rejects.toThrow('no database here')
  expect((await run(settings, 'rollback', copy)).at(-1)).toMatch(/^rolled back; /)
  expect(
    (await readdir(join(root, 'back'))).filter((name) => name.startsWith('pds.sqlite.replaced-')),
  ).toHaveLength(1)
  await using again = await start('back')
  const { events } = await readFirehose(again.url, last, (seen) => seen.length === 2)
  expect(events.map(({ type }) => type)).toEqual(['#account', '#sync'])
  expect(events[0]!.body.seq).toBeGreaterThan(last + 900_000)
  expect((await run(settings, 'audit', '--limit', '1'))[0]).toContain(
    '\tdatabase rolled back\tcommand line\tdone\t',
  )
})
