// A process of its own that makes traffic for the indexer: a firehose of signed commits, or a host with large repos, and the directory
// of their keys. What is measured has its process to itself.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { exportRepo } from '@avocet/repo'
import { WebSocketServer } from 'ws'

import { createAccounts, createRandom, createWriter } from './commits.ts'

/** `warm` frames fill the repos; then `commits` single ones follow after `go`, as fast as they are taken or so many a second. */
export type LiveTraffic = {
  kind: 'live'
  accounts: number
  perAccount: number
  commits: number
  perSecond?: number
}
export type RepoTraffic = { kind: 'repos'; accounts: number; perAccount: number }

/** What the process tells when it is ready. */
export type Ready = { url: string; dids: string[]; warm: number; frameBytes: number }

/** Bytes unsent before the sender waits. */
const HIGH_WATER = 8 * 1024 * 1024

/** Starts the process. */
export async function startTraffic(
  options: LiveTraffic | RepoTraffic,
): Promise<AsyncDisposable & Ready & { go(): void }> {
  const child = fork(new URL(import.meta.url).pathname, [JSON.stringify(options)], { execArgv: [] })
  const [ready] = (await once(child, 'message')) as [Ready]
  return {
    ...ready,
    go: () => child.send('go'),
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function main(options: LiveTraffic | RepoTraffic): Promise<void> {
  const random = createRandom(7)
  const documents = new Map<string, string>()
  const exports = new Map<string, Uint8Array>()
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const did = url.searchParams.get('did') ?? decodeURIComponent(url.pathname.slice(1))
    const body = url.pathname.endsWith('getRepo') ? exports.get(did) : documents.get(did)
    response.statusCode = body === undefined ? 404 : 200
    response.end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const accounts = createAccounts(options.accounts, url, random)
  for (const { did, document } of accounts) documents.set(did, JSON.stringify(document))
  const writer = createWriter(random)
  const frames: Uint8Array[] = []
  for (const account of accounts) {
    for (let i = 0; i < options.perAccount / 200; i++) {
      const frame = await writer.fill(account, 200)
      if (options.kind === 'live') frames.push(frame)
    }
    if (options.kind === 'live') continue
    const parts: Uint8Array[] = []
    for await (const part of exportRepo(writer.store, account.did)) parts.push(part)
    exports.set(account.did, Buffer.concat(parts))
  }
  const warm = frames.length
  if (options.kind === 'live') {
    for (let i = 0; i < options.commits; i++) {
      frames.push(await writer.commit(accounts[Math.floor(random() * accounts.length)]!))
    }
    const started = once(process, 'message')
    const sockets = new WebSocketServer({ server, perMessageDeflate: false })
    sockets.on('connection', async (socket) => {
      let begin = 0
      for (const [index, frame] of frames.entries()) {
        if (index === warm) {
          await started
          begin = performance.now()
        }
        const due = index < warm ? 0 : begin + ((index - warm) * 1000) / (options.perSecond ?? Infinity)
        while (performance.now() < due) await delay(1)
        socket.send(frame)
        while (socket.bufferedAmount > HIGH_WATER) await delay(1)
      }
    })
  }
  const sizes = frames.slice(warm).map(({ length }) => length)
  process.send!({
    url,
    dids: accounts.map(({ did }) => did),
    warm,
    frameBytes: Math.round(sizes.reduce((sum, size) => sum + size, 0) / Math.max(sizes.length, 1)),
  } satisfies Ready)
}

if (process.send !== undefined && process.argv[1] === new URL(import.meta.url).pathname) {
  await main(JSON.parse(process.argv[2]!) as LiveTraffic | RepoTraffic)
}
