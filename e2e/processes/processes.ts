// Several PDS processes on one Postgres behind a round-robin front server: stock clients write to the same accounts through all of
// them, subscribers read along, somebody guesses a password, and one process after the other is killed at random.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { AtpAgent } from '@atproto/api'
import { freePort, startService, type Service } from '@avocet/network'
import { startPostgres } from '@avocet/testing/postgres'
import { hasRedis, startRedis } from '@avocet/testing/redis'

import { checkOutcome, type Asked } from './checks.ts'
import { startFront } from '../simulated/front.ts'
import { startGuesser, type GuesserFigures } from './guesser.ts'
import { subscribe } from './subscriber.ts'

/** What is done. */
export interface Plan {
  readonly kills: number
  readonly seed: number
  readonly processes: number
  readonly accounts: number
  /** Writers of each account. */
  readonly writers: number
  readonly print: (line: string) => void
}

/** What came of it. */
export interface Figures {
  readonly acknowledged: number
  readonly unknown: number
  readonly busy: number
  readonly events: number
  readonly reconnects: number
  /** Null without Redis: then nothing is limited. */
  readonly guesses: GuesserFigures | null
  readonly seconds: number
}

const COLLECTION = 'com.example.note'
const SUBSCRIBERS = 4
/** What the writers, and nobody else, lift the rate limits with. */
const BYPASS = 'a key to write as fast as it goes'

/** Null when there is no Postgres, which `startPostgres` says. @throws Error with what was lost, doubled or out of order */
export async function runProcesses(plan: Plan): Promise<Figures | null> {
  const postgres = await startPostgres(['fsync=off', 'max_connections=200'])
  if (postgres === null) return null
  await using opened = new AsyncDisposableStack()
  opened.defer(() => postgres.close())
  const folder = mkdtempSync(join(tmpdir(), 'avocet-processes-'))
  opened.defer(() => rmSync(folder, { recursive: true, force: true }))
  const random = seeded(plan.seed)

  const redis = hasRedis ? opened.use(await startRedis()) : null
  const plcPort = await freePort()
  const plc = await startService({
    name: 'plc',
    app: 'plc-directory',
    args: [`--port=${plcPort}`, '--host=127.0.0.1', `--data=${join(folder, 'plc')}`],
    url: `http://127.0.0.1:${plcPort}`,
    healthPath: '/_health',
    logFile: join(folder, 'plc.log'),
  })
  opened.defer(() => plc.stop())

  const logOf = (n: number): string => join(folder, `pds-${n}.log`)
  const ports: number[] = []
  for (let n = 0; n < plan.processes; n++) ports.push(await freePort())
  const front = opened.use(await startFront(ports))
  const start = (n: number): Promise<Service> =>
    startService({
      name: `pds-${n}`,
      app: 'pds',
      args: [
        `--port=${ports[n]}`,
        '--host=127.0.0.1',
        `--data=${join(folder, `pds-${n}`)}`,
        `--plc-url=${plc.url}`,
      ],
      url: `http://127.0.0.1:${ports[n]}`,
      healthPath: '/xrpc/_health',
      logFile: logOf(n),
      timeoutMs: 120_000,
      env: {
        PDS_DEV_MODE: 'true',
        PDS_INVITE_REQUIRED: 'false',
        PDS_RATE_LIMITS_ENABLED: String(redis !== null),
        PDS_REDIS_SCRATCH_ADDRESS: redis?.url ?? '',
        PDS_RATE_LIMIT_BYPASS_KEY: BYPASS,
        PDS_DB_POSTGRES_URL: postgres.url,
        PDS_DB_POSTGRES_POOL_SIZE: '16',
        PDS_BLOBSTORE_DISK_LOCATION: join(folder, 'blobs'),
        PDS_PUBLIC_URL: front.url,
        PDS_SERVICE_DID: 'did:web:pds.test',
        PDS_JWT_SECRET: 'the secret that all of them sign with',
        PDS_ADMIN_PASSWORD: 'the password of all of them',
        PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: '17'.repeat(32),
      },
    })
  const services: Service[] = []
  opened.defer(async () => void (await Promise.all(services.map((service) => service.stop()))))
  // The first makes the tables.
  for (let n = 0; n < plan.processes; n++) services.push(await start(n))
  plan.print(`${plan.processes} processes are up`)

  const subscribers = Array.from({ length: SUBSCRIBERS }, () => subscribe(front.url))
  opened.defer(() => subscribers.forEach((subscriber) => subscriber.stop()))

  const began = performance.now()
  const asked = new Map<string, Asked>()
  let [unknown, busy] = [0, 0]
  const over = new AbortController()
  const agents: AtpAgent[] = []
  for (let n = 0; n < plan.accounts; n++) {
    const agent = new AtpAgent({ service: front.url })
    await agent.createAccount({
      handle: `user-${n}.test`,
      email: `user-${n}@pds.test`,
      password: 'correct horse',
    })
    agent.setHeader('x-ratelimit-bypass', BYPASS)
    agents.push(agent)
  }
  const write = async (agent: AtpAgent, writer: number): Promise<void> => {
    const repo = agent.assertDid
    for (let n = 0; !over.signal.aborted; n++) {
      const rkey = `w${writer}-${String(n).padStart(6, '0')}`
      const entry: Asked = { uri: `at://${repo}/${COLLECTION}/${rkey}`, cid: null }
      asked.set(entry.uri, entry)
      const record = { $type: COLLECTION, text: `${writer} ${n}`, createdAt: new Date().toISOString() }
      // A client that does not know whether its write went through asks once more.
      for (let tries = 0; entry.cid === null && tries < 20; tries++) {
        try {
          const { data } = await agent.com.atproto.repo.createRecord({
            repo,
            collection: COLLECTION,
            rkey,
            record,
          })
          entry.cid = data.cid
        } catch (error) {
          const { status, message } = error as { status?: number; message?: string }
          if (message?.includes('already exists') === true) break
          if (status === 503) busy++
          // Also of one that was answered too late, by a machine that stood still.
          else if (status === 502 || status === 504 || status === undefined || status === 1) unknown++
          else throw error
          await delay(20)
        }
      }
    }
  }
  const writing = Promise.all(
    agents.flatMap((agent, account) =>
      Array.from({ length: plan.writers }, (_, n) => write(agent, account * plan.writers + n)),
    ),
  )
  // Told at the end; until then it must not count as unhandled.
  writing.catch(() => {})

  const guesser =
    redis === null
      ? null
      : startGuesser(
          front.url,
          'user-0.test',
          ports.map((_, n) => logOf(n)),
        )

  await delay(1000)
  for (let kill = 1; kill <= plan.kills; kill++) {
    const victim = Math.floor(random() * plan.processes)
    services[victim]!.process.kill('SIGKILL')
    await services[victim]!.ended
    await delay(random() * 300)
    services[victim] = await start(victim)
    await delay(random() * 500)
    plan.print(`kill ${kill}: ${[...asked.values()].filter(({ cid }) => cid !== null).length} acknowledged`)
  }
  over.abort()
  await writing
  const guesses = (await guesser?.stop()) ?? null

  const urls = services.map(({ url }) => url)
  const events = await checkOutcome({
    urls,
    dids: agents.map((agent) => agent.assertDid),
    collection: COLLECTION,
    asked,
    subscribers,
  })
  return {
    acknowledged: [...asked.values()].filter(({ cid }) => cid !== null).length,
    unknown,
    busy,
    events,
    guesses,
    reconnects: subscribers.reduce((sum, subscriber) => sum + subscriber.reconnects(), 0),
    seconds: Math.round((performance.now() - began) / 1000),
  }
}

/** https://prng.di.unimi.it/: enough to pick victims by. */
function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
