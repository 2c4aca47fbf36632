// The PDS as a process of its own, over HTTP, durable. Run: node bench/pds.ts
// The reference PDS needs a native build, so its figures are those once measured with the same kind of client on the same
// kind of machine (Node 24, 2 cores), not of this run.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { record, save } from './support/compare.ts'

const REFERENCE = '@atproto/pds 0.5.35 (measured before)'
const agent = new Agent({ keepAlive: true, maxSockets: 64 })
const children: ChildProcess[] = []
const folder = mkdtempSync(join(tmpdir(), 'avocet-bench-pds-'))

interface Account {
  readonly did: string
  readonly accessJwt: string
}

async function start(app: string, args: readonly string[]): Promise<string> {
  const main = join(import.meta.dirname, '../apps', app, 'src/main.ts')
  const profile = app === 'pds' ? (process.env['AVOCET_PROFILE'] ?? '') : ''
  const flags = profile === '' ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
  const child = spawn(process.execPath, [...flags, main, ...args], {
    env: { ...process.env, LOG_LEVEL: 'error' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      const url = /(http:\/\/\S+)/.exec(output)?.[1]
      if (url !== undefined) resolve(url)
    })
    child.once('exit', (code) => reject(new Error(`${app} ended; code=${code}`)))
  })
}

function call(url: string, input?: object, token?: string): Promise<Buffer> {
  const body = input === undefined ? undefined : JSON.stringify(input)
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        agent,
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const bytes = Buffer.concat(chunks)
          if (response.statusCode === 200) resolve(bytes)
          else reject(new Error(`${response.statusCode} ${bytes.toString().slice(0, 200)}`))
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** CPU time the PDS has used, in milliseconds; the machine's other work does not count. Null where there is no /proc. */
function cpuMs(): number | null {
  try {
    const fields = readFileSync(`/proc/${children.at(-1)!.pid}/stat`, 'utf8')
      .split(') ')[1]!
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return null
  }
}

/** Runs `count` calls over `lanes` connections; the rate per second. */
async function rate(
  lanes: number,
  count: number,
  task: (lane: number, i: number) => Promise<unknown>,
): Promise<number> {
  const started = performance.now()
  const cpu = cpuMs()
  let next = 0
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (let i = next++; i < count; i = next++) await task(lane, i)
    }),
  )
  const elapsed = performance.now() - started
  if (cpu !== null)
    console.log(
      `  ${((cpuMs()! - cpu) / count).toFixed(3)} ms of CPU each, ${count} in ${elapsed.toFixed(0)} ms`,
    )
  return (count * 1000) / elapsed
}

try {
  const plc = await start('plc-directory', ['--port', '0', '--data', join(folder, 'plc')])
  const pds = await start('pds', ['--port', '0', '--data', join(folder, 'pds'), '--plc-url', plc])
  const xrpc = (nsid: string): string => `${pds}/xrpc/${nsid}`
  const signUp = async (i: number): Promise<Account> => {
    const input = { handle: `bench${i}.test`, email: `bench${i}@example.com`, password: 'correct horse' }
    return JSON.parse((await call(xrpc('com.atproto.server.createAccount'), input)).toString()) as Account
  }
  const write = ({ did, accessJwt }: Account, i: number): Promise<Buffer> => {
    const text = `post number ${i} of a bench, about as long as people write them, which is not very long at all`
    const post = { $type: 'app.bsky.feed.post', text, langs: ['en'], createdAt: new Date().toISOString() }
    const input = { repo: did, collection: 'app.bsky.feed.post', record: post }
    return call(xrpc('com.atproto.repo.createRecord'), input, accessJwt)
  }

  const accounts: Account[] = []
  for (let i = 0; i < 5; i++) accounts.push(await signUp(i))
  const signUps = await rate(1, 40, async (_, i) => accounts.push(await signUp(100 + i)))
  record('createAccount, one by one', { unit: 'accounts', target: 4 }, [
    { name: 'avocet', perSecond: signUps },
    { name: REFERENCE, perSecond: 1000 / 107 },
  ])

  await rate(1, 300, (_, i) => write(accounts[0]!, i))
  const single = await rate(1, 1500, (_, i) => write(accounts[0]!, i))
  record('createRecord, one account, one by one', { unit: 'records', target: 10 }, [
    { name: 'avocet', perSecond: single },
    { name: REFERENCE, perSecond: 106 },
  ])
  await rate(8, 800, (lane, i) => write(accounts[lane]!, i))
  const many = await rate(8, 6000, (lane, i) => write(accounts[lane]!, i))
  record('createRecord, 8 accounts', { unit: 'records', target: 10 }, [
    { name: 'avocet', perSecond: many },
    { name: REFERENCE, perSecond: 165 },
  ])

  const { did } = accounts[0]!
  const list = `${xrpc('com.atproto.repo.listRecords')}?repo=${did}&collection=app.bsky.feed.post&limit=100`
  const page = JSON.parse((await call(list)).toString()) as { records: { uri: string }[] }
  const urls = page.records.map(({ uri }) => {
    const rkey = uri.split('/').at(-1)!
    return `${xrpc('com.atproto.repo.getRecord')}?repo=${did}&collection=app.bsky.feed.post&rkey=${rkey}`
  })
  await rate(8, 3000, (_, i) => call(urls[i % urls.length]!))
  const reads = await rate(8, 20_000, (_, i) => call(urls[i % urls.length]!))
  record('getRecord, 8 connections', { unit: 'records', target: 8 }, [
    { name: 'avocet', perSecond: reads },
    { name: REFERENCE, perSecond: 941 },
  ])

  // A repository of about 163 kB, as the reference was measured with.
  const small = accounts[20]!
  for (let i = 0; i < 480; i++) await write(small, i)
  const repo = `${xrpc('com.atproto.sync.getRepo')}?did=${small.did}`
  const size = (await call(repo)).length
  await rate(1, 50, () => call(repo))
  const exports = await rate(1, 300, () => call(repo))
  record(`getRepo of ${Math.round(size / 1000)} kB`, { unit: 'repositories', target: 8 }, [
    { name: 'avocet', perSecond: exports },
    { name: `${REFERENCE}, 163 kB`, perSecond: 1000 / 19 },
  ])
  if (process.argv.includes('--save')) save('pds')
} finally {
  agent.destroy()
  for (const child of children) child.kill('SIGTERM')
  await Promise.all(
    children.map(
      (child) =>
        new Promise<void>((resolve) =>
          child.exitCode === null ? child.once('exit', () => resolve()) : resolve(),
        ),
    ),
  )
  rmSync(folder, { recursive: true, force: true })
}
