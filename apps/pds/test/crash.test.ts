import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { formatCid } from '@avocet/data'
import { readRepo } from '@avocet/repo'
import type { Did } from '@avocet/syntax'
import { expect, test } from 'vitest'

import { runCommand, startCommand, type RunningCommand } from './command.ts'
import { startDirectory } from './directory.ts'
import { checkCommit, readFirehose, signingKeyOf, type Received } from './firehose.ts'

interface Writer {
  readonly did: string
  readonly token: string
}

interface Acknowledged {
  readonly did: string
  readonly path: string
  readonly cid: string
  readonly rev: string
}

const ROUNDS = Number(process.env['AVOCET_CRASH_ROUNDS'] ?? 2)

async function call(url: string, nsid: string, input: object, token?: string): Promise<any> {
  const response = await fetch(`${url}/xrpc/${nsid}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(input),
  })
  if (!response.ok) throw new Error(`${nsid}: ${response.status} ${await response.text()}`)
  return response.json()
}

/** Writes as fast as answers come, until the server is gone. */
async function write(
  url: string,
  writer: Writer,
  round: number,
  acknowledged: Acknowledged[],
): Promise<void> {
  for (let i = 0; ; i++) {
    const rkey = `r${round}-${i}`
    const input = { repo: writer.did, collection: 'com.example.crash', rkey, record: { round, i } }
    try {
      const { cid, commit } = await call(url, 'com.atproto.repo.createRecord', input, writer.token)
      acknowledged.push({ did: writer.did, path: `com.example.crash/${rkey}`, cid, rev: commit.rev })
    } catch {
      return
    }
  }
}

test('kill -9 while writing: what was acknowledged is there, with its event, and no half commit', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'avocet-pds-crash-'))
  const directory = await startDirectory()
  let pds: RunningCommand | undefined
  const start = (): Promise<RunningCommand> =>
    startCommand(['--port', '0', '--data', folder, '--plc-url', directory.url], {
      PDS_SERVICE_DID: 'did:web:crash.example.com',
    })
  try {
    pds = await start()
    const writers: Writer[] = []
    for (const name of ['anna', 'bert', 'cleo']) {
      const input = { handle: `${name}.test`, email: `${name}@example.com`, password: 'correct horse' }
      const { did, accessJwt } = await call(pds.url, 'com.atproto.server.createAccount', input)
      writers.push({ did, token: accessJwt })
    }
    const acknowledged: Acknowledged[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const writing = writers.map((writer) => write(pds!.url, writer, round, acknowledged))
      // On a loaded machine the first answers take their time.
      for (let i = 0; i < 500 && acknowledged.length < (round + 1) * 4; i++) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      await new Promise((resolve) => setTimeout(resolve, 150 + 137 * round))
      await pds.stop('SIGKILL')
      await Promise.all(writing)
      pds = await start()
    }
    expect(acknowledged.length).toBeGreaterThan(ROUNDS * 3)
    await checkRepos(pds.url, writers, acknowledged, (did) => signingKeyOf(directory.log(did)))
    await checkWithDoctor(pds.url, folder, directory.url)
    expect(await pds.stop('SIGTERM')).toBe(0)
  } finally {
    await pds?.stop('SIGKILL')
    await directory[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  }
}, 60_000)

async function checkRepos(
  url: string,
  writers: readonly Writer[],
  acknowledged: readonly Acknowledged[],
  keyOf: (did: string) => ReturnType<typeof signingKeyOf>,
): Promise<void> {
  const events = await allEvents(url)
  for (const { did } of writers) {
    const mine = acknowledged.filter((item) => item.did === did)
    // The repository, whole and verified.
    const response = await fetch(`${url}/xrpc/com.atproto.sync.getRepo?did=${did}`)
    await using reader = await readRepo(new Uint8Array(await response.arrayBuffer()), {
      did: did as Did,
      key: keyOf(did),
    })
    const stored = new Map<string, string>()
    for await (const { path, cid } of reader.entries) stored.set(path, formatCid(cid))
    for (const { path, cid } of mine) expect(stored.get(path)).toBe(cid)
    // The stream: each commit follows the one before, each stored record and each acknowledgement has its op.
    const announced = new Map<string, string>()
    const revs = new Set<string>()
    let before: { data: string; rev: string } | null = null
    for (const { type, body } of events) {
      if (type !== '#commit' || body.repo !== did) continue
      if (before !== null) expect([formatCid(body.prevData), body.since]).toEqual([before.data, before.rev])
      before = checkCommit(body, keyOf(did))
      revs.add(body.rev)
      for (const { path, cid } of body.ops) announced.set(path, formatCid(cid))
    }
    expect(before).toEqual({ data: formatCid(reader.data), rev: reader.rev })
    expect(announced).toEqual(stored)
    for (const { rev } of mine) expect(revs).toContain(rev)
    // The rows that queries read.
    const listed = new Map<string, string>()
    for (let cursor = ''; ;) {
      const query = `repo=${did}&collection=com.example.crash&limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`
      const page = (await (await fetch(`${url}/xrpc/com.atproto.repo.listRecords?${query}`)).json()) as any
      for (const { uri, cid } of page.records) listed.set(uri.split('/').slice(3).join('/'), cid)
      if (page.cursor === undefined) break
      cursor = page.cursor
    }
    expect(listed).toEqual(stored)
  }
}

/** Nothing in the data directory is amiss, every block and row looked at, beside the running server. */
async function checkWithDoctor(url: string, folder: string, plcUrl: string): Promise<void> {
  const flags = ['--data', folder, '--port', new URL(url).port, '--plc-url', plcUrl]
  const { stdout } = await runCommand(['doctor', '--deep', '--json', ...flags])
  const { findings } = JSON.parse(stdout) as { findings: { level: string; what: string; detail: string }[] }
  const data = findings.filter(({ what }) => /^(database|references|event log|repositor|blobs)/.test(what))
  expect(data.map(({ level, what }) => [level, what])).toEqual(
    ['database', 'references', 'event log', 'repositories', 'blobs'].map((what) => ['ok', what]),
  )
}

/** Every event of the log: it is read until nothing more comes. */
async function allEvents(url: string): Promise<Received[]> {
  const { events } = await readFirehose(url, 0, () => false)
  return [...events]
}
