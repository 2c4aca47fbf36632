// A PDS with accounts, and an indexer as a process that gives their records to consumers who acknowledge them.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AtpAgent } from '@atproto/api'
import { freePort, type Service, startService } from '@avocet/network'
import { startPds } from './pds.ts'

export const COLLECTION = 'com.example.note'
export const PASSWORD = 'sécret'

/** What a consumer has: `did/rkey` → text. */
export type Folded = Map<string, string>

export interface Consumed extends AsyncDisposable {
  readonly agents: readonly AtpAgent[]
  readonly url: string
  readonly folder: string
  put(agent: AtpAgent, rkey: string, record: Record<string, unknown>): Promise<void>
  remove(agent: AtpAgent, rkey: string): Promise<void>
  /** What the accounts have at their PDS. */
  folded(): Promise<Folded>
  /** Starts the indexer, on the port and data that it had. */
  start(flags?: readonly string[], env?: Readonly<Record<string, string>>): Promise<void>
  /** `kill -9`. */
  kill(): Promise<void>
  stop(): Promise<void>
  /** What it says of a consumer. */
  stats(name: string): Promise<Record<string, any>>
}

/** Starts the PDS. */
export async function openConsumed(names: readonly string[]): Promise<Consumed> {
  const pds = await startPds()
  const agents: AtpAgent[] = []
  for (const name of names) agents.push(await pds.newAccount(name))
  const folder = mkdtempSync(join(tmpdir(), 'avocet-consumed-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let service: Service | null = null
  const didOf = (agent: AtpAgent): string => agent.session!.did
  const consumed: Consumed = {
    agents,
    url,
    folder,
    async put(agent, rkey, record) {
      await agent.com.atproto.repo.putRecord({
        repo: didOf(agent),
        collection: COLLECTION,
        rkey,
        validate: false,
        record: { $type: COLLECTION, ...record },
      })
    },
    async remove(agent, rkey) {
      await agent.com.atproto.repo.deleteRecord({ repo: didOf(agent), collection: COLLECTION, rkey })
    },
    async folded() {
      const found: Folded = new Map()
      for (const agent of agents) {
        const { data } = await agent.com.atproto.repo.listRecords({
          repo: didOf(agent),
          collection: COLLECTION,
          limit: 100,
        })
        for (const { uri, value } of data.records)
          found.set(`${didOf(agent)}/${uri.split('/').at(-1)}`, String(value['text']))
      }
      return found
    },
    async start(flags = [], env = {}) {
      service = await startService({
        name: 'indexer',
        app: 'indexer',
        url,
        healthPath: '/xrpc/_health',
        logFile: join(folder, 'indexer.log'),
        env,
        args: [
          'run',
          `--source=${pds.pds.url.replace('http', 'ws')}`,
          `--plc-url=${pds.plc.url}`,
          '--allow-loopback',
          `--collections=${COLLECTION}`,
          `--data=${join(folder, 'data')}`,
          `--port=${port}`,
          ...flags,
        ],
      })
    },
    async kill() {
      service?.process.kill('SIGKILL')
      await service?.ended
    },
    async stop() {
      await service?.stop()
    },
    async stats(name) {
      const { consumers } = (await (await fetch(`${url}/status`)).json()) as {
        consumers: { name: string }[]
      }
      return consumers.find((each) => each.name === name) ?? {}
    },
    async [Symbol.asyncDispose]() {
      await service?.stop()
      await pds[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return consumed
}

/** Waits for something to become true. */
export async function until(done: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error('it did not come about in time')
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
}
