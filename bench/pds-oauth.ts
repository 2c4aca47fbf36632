// Apps at the PDS beside the reference PDS: tokens renewed, and calls that carry a proof (DPoP), beside the same calls with a token
// of a session. Both are processes on one did:plc directory; one client sends both the same, in turns.
// Run: node bench/pds-oauth.ts [--save] [--only getRecord,…] [--rounds 7] [--alone]
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { agreeByCalls, agreeByForms, type Agree } from '@avocet/testing/oauth-pages'

import { openConnection, rawRequest } from './support/client.ts'
import { human, record, save } from './support/compare.ts'
import { median } from './support/load.ts'
import { signIn, type OAuthApp, type Tokens } from './support/oauth-app.ts'
import { freePort, startServer, type Server } from './support/processes.ts'
import { findReference, startReference } from './support/reference-pds.ts'

const flag = (name: string): string | undefined => process.argv.find((_, i) => process.argv[i - 1] === name)
const ROUNDS = Number(flag('--rounds') ?? 7)
/** Rounds that do not count: compilers and caches of both are warm afterwards. */
const WARM_ROUNDS = 10
/** Connections, each with an account, a session of it, and an app that the account let in. */
const LANES = 8
const PASSWORD = 'correct horse battery'
const POST = 'app.bsky.feed.post'
const SESSION = '/xrpc/com.atproto.server.getSession'

const only = flag('--only')?.split(',')
const found = process.argv.includes('--alone') ? '--alone' : findReference()
const reference = typeof found === 'string' ? null : { ...found, name: `@atproto/pds@${found.version}` }
if (typeof found === 'string') console.log(`the reference PDS is not run, no ratios: ${found}`)

/** One connection's account. */
interface Lane {
  readonly accessJwt: string
  readonly app: OAuthApp
  /** Path and query of a record of it. */
  readonly record: string
}

interface Side {
  readonly name: string
  readonly server: Server
  readonly lanes: readonly Lane[]
}

/** A row: what one lane sends, made before the clock starts. */
interface Work {
  readonly name: string
  readonly unit: string
  /** Requests of each lane a round. */
  readonly count: number
  readonly prepare: (port: number, lane: Lane) => (() => Buffer)[]
  /** What an answer is good for. */
  readonly took?: (lane: Lane, body: Buffer) => void
}

/** A call with the token of a session. */
const asSession = (port: number, path: string, { accessJwt }: Lane): Buffer =>
  rawRequest({ port, method: 'GET', path, headers: { authorization: `Bearer ${accessJwt}` } })

/** The same by the app. A proof names the path without its query. */
const asApp = (port: number, path: string, { app }: Lane): Buffer => {
  const token = app.tokens.access_token
  const dpop = app.prove('GET', path.split('?')[0]!, token)
  return rawRequest({ port, method: 'GET', path, headers: { authorization: `DPoP ${token}`, dpop } })
}

const calls = (
  name: string,
  unit: string,
  make: (port: number, path: string, lane: Lane) => Buffer,
  pathOf: (lane: Lane) => string,
): Work => ({
  name,
  unit,
  count: 250,
  prepare: (port, lane) =>
    Array.from({ length: 250 }, () => {
      const bytes = make(port, pathOf(lane), lane)
      return () => bytes
    }),
})

const BEARER = ['getRecord, token of a session', 'getSession, token of a session'] as const
const PROOF = ['getRecord, token of an app and proof', 'getSession, token of an app and proof'] as const

const works: readonly Work[] = [
  {
    name: 'tokens renewed, 8 sessions of apps',
    unit: 'renewals',
    count: 40,
    prepare: (port, lane) =>
      Array.from({ length: 40 }, () => {
        const dpop = lane.app.prove('POST', '/oauth/token')
        const headers = { 'content-type': 'application/x-www-form-urlencoded', dpop }
        return () => {
          const { clientId, tokens } = lane.app
          const fields = {
            grant_type: 'refresh_token',
            refresh_token: tokens.refresh_token,
            client_id: clientId,
          }
          const body = new URLSearchParams(fields).toString()
          return rawRequest({ port, method: 'POST', path: '/oauth/token', headers, body })
        }
      }),
    took: (lane, body) => {
      lane.app.tokens = JSON.parse(body.toString()) as Tokens
    },
  },
  calls(BEARER[0], 'calls', asSession, ({ record: path }) => path),
  calls(PROOF[0], 'calls', asApp, ({ record: path }) => path),
  calls(BEARER[1], 'calls', asSession, () => SESSION),
  calls(PROOF[1], 'calls', asApp, () => SESSION),
]

await using stack = new AsyncDisposableStack()
const folder = mkdtempSync(join(process.env['AVOCET_BENCH_FOLDER'] ?? tmpdir(), 'avocet-bench-pds-oauth-'))
stack.defer(() => rmSync(folder, { recursive: true, force: true }))
const main = (name: string): string => join(import.meta.dirname, '../apps', name, 'src/main.ts')

const plc = stack.use(
  await startServer({
    command: process.execPath,
    args: [main('plc-directory'), '--port', '0', '--no-rate-limits', '--data', join(folder, 'plc')],
  }),
)
const avocet = await startServer({
  command: process.execPath,
  args: [main('pds'), '--port', '0', '--data', join(folder, 'avocet'), '--plc-url', plc.url],
  env: { NODE_ENV: 'production', LOG_LEVEL: 'error', PDS_RATE_LIMITS_ENABLED: 'false' },
})
const sides: Side[] = [await prepare('avocet', stack.use(avocet), agreeByForms)]
if (reference !== null) {
  const data = join(folder, 'reference')
  mkdirSync(data)
  const server = stack.use(await startReference(reference.folder, await freePort(), data, plc.url))
  sides.push(await prepare(reference.name, server, agreeByCalls))
}
console.log(`${LANES} accounts on each, each with an app; ${ROUNDS} rounds in turns, medians`)

const costs = new Map<string, number>()
for (const work of works) {
  if (only !== undefined && !only.some((name) => work.name.includes(name))) continue
  const rates = new Map<Side, number[]>(sides.map((side) => [side, []]))
  const spent = new Map<Side, number[]>(sides.map((side) => [side, []]))
  for (let round = -WARM_ROUNDS; round < ROUNDS; round++) {
    // Who comes first changes, so that neither always finds the machine as the other left it.
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const { perSecond, cpuMs } = await run(side, work)
      if (round < 0) continue
      rates.get(side)!.push(perSecond)
      spent.get(side)!.push(cpuMs)
    }
  }
  const note = sides
    .map((side) => {
      const cpu = median(spent.get(side)!)
      costs.set(`${side.name} ${work.name}`, cpu)
      return `${side.name === 'avocet' ? 'avocet' : 'reference'}: ${cpu.toPrecision(3)} ms of CPU`
    })
    .join('; ')
  const measured = sides.map((side) => ({ name: side.name, perSecond: median(rates.get(side)!) }))
  record(work.name, { unit: work.unit, note }, measured)
  console.log(`  ${note}`)
}
for (const { name } of sides) {
  for (const [i, bearer] of BEARER.entries()) {
    const [without, withProof] = [costs.get(`${name} ${bearer}`), costs.get(`${name} ${PROOF[i]!}`)]
    if (without === undefined || withProof === undefined) continue
    const times = (withProof / without).toFixed(2)
    console.log(
      `${name}: ${PROOF[i]!} takes ${times} × the CPU of ${bearer} (${human(withProof)} ms, ${human(without)} ms)`,
    )
  }
}
if (process.argv.includes('--save')) save('pds-oauth')

/** One round of a work: all lanes at once, each one request after the other. */
async function run({ server, lanes }: Side, work: Work): Promise<{ perSecond: number; cpuMs: number }> {
  // A nonce is good for some minutes; the proofs are made with one of now.
  await Promise.all(lanes.map(({ app }) => app.freshen()))
  const prepared = lanes.map((lane) => ({ lane, requests: work.prepare(server.port, lane) }))
  // Opened before the clock starts, and anew each time: servers close what is idle for some seconds.
  const connections = await Promise.all(lanes.map(() => openConnection(server.port)))
  const cpu = server.cpuMs()
  const started = performance.now()
  await Promise.all(
    prepared.map(async ({ lane, requests }, i) => {
      for (const make of requests) {
        const body = await connections[i]!.send(make())
        work.took?.(lane, body)
      }
    }),
  )
  const elapsed = performance.now() - started
  const cpuMs = server.cpuMs() - cpu
  for (const connection of connections) connection.close()
  const total = work.count * lanes.length
  return { perSecond: (total * 1000) / elapsed, cpuMs: cpuMs / total }
}

/** Signs up the accounts, writes a record of each, and lets an app in. */
async function prepare(name: string, server: Server, agree: Agree): Promise<Side> {
  const origin = `http://localhost:${server.port}`
  const post = async (nsid: string, input: object, token?: string): Promise<any> => {
    const answer = await fetch(`${origin}/xrpc/${nsid}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(input),
    })
    if (!answer.ok) throw new Error(`${nsid}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  const lanes: Lane[] = []
  for (let i = 0; i < LANES; i++) {
    const handle = `first${i}.test`
    const { did, accessJwt } = await post('com.atproto.server.createAccount', {
      handle,
      email: `first${i}@example.com`,
      password: PASSWORD,
    })
    const text = `Post number ${i} of a bench, about as long as people write them, which is not very long at all.`
    const value = { $type: POST, text, langs: ['en'], createdAt: new Date(1.7e12).toISOString() }
    const { uri } = await post(
      'com.atproto.repo.createRecord',
      { repo: did, collection: POST, record: value },
      accessJwt,
    )
    const query = new URLSearchParams({ repo: did, collection: POST, rkey: uri.split('/').at(-1) })
    const app = await signIn(origin, { did, handle, password: PASSWORD }, agree)
    const path = `/xrpc/com.atproto.repo.getRecord?${query}`
    lanes.push({ accessJwt, app, record: path })
  }
  return { name, server, lanes }
}
