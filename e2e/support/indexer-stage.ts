// An indexer over a real PDS, with people who write, a relay that sends what nobody can verify, and a browser to look at its page.
import type { AddressInfo } from 'node:net'
import { createIndexer, type Indexer, type IndexerConfig } from '@avocet/indexer'
import { launchChromium } from '@avocet/testing/chromium'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { WebSocket, WebSocketServer } from 'ws'

import { procedure, startNetwork, type Network } from './network.ts'

const POST = 'app.bsky.feed.post'

/** People of a shore, and what they say. */
export const POSTS: readonly (readonly [handle: string, text: string])[] = [
  ['ada.test', 'Forty avocets on the mudflats this morning, sweeping their bills from side to side'],
  ['ben.test', 'Low tide at 6:12. Bring boots.'],
  ['cleo.test', 'Ringed the first chick of the year, three days old and already running'],
  ['dora.test', 'The bill bends upwards. It is not broken, that is how they fish'],
  ['emil.test', 'Counted again, forty-three. Two may be stilts'],
  ['fay.test', 'New hide on the north dyke is open, mind the third step'],
]

/** Somebody at the PDS. */
export type Person = { readonly did: string; readonly handle: string; readonly token: string }
type Reference = { readonly uri: string; readonly cid: string }

/** The page, opened. `complaints`: what the console said of it. */
export type Opened = {
  readonly page: Page
  readonly complaints: string[]
  readonly done: () => Promise<void>
}

/** Everything that a test of the page needs. */
export type IndexerStage = AsyncDisposable & {
  readonly network: Network
  readonly browser: Browser
  readonly people: readonly Person[]
  /** One of each of them. */
  readonly posts: readonly Reference[]
  indexer: Indexer
  write(person: Person, collection: string, record: object, rkey?: string): Promise<Reference>
  remove(person: Person, uri: string): Promise<void>
  /** @param path of the page, with its hash; or a whole address */
  open(options?: BrowserContextOptions, path?: string): Promise<Opened>
}

/** Starts it. @param said whom there is, by handle, and what they posted */
export async function startIndexerStage(
  said: readonly (readonly [handle: string, text: string])[],
  config: Partial<IndexerConfig> = {},
): Promise<IndexerStage> {
  await using opened = new AsyncDisposableStack()
  const network = await startNetwork()
  opened.defer(() => network.stop())
  const write: IndexerStage['write'] = async (person, collection, record, rkey) => {
    const { status, body } = await procedure<Reference>(
      network.pds.url,
      'com.atproto.repo.createRecord',
      {
        repo: person.did,
        collection,
        ...(rkey === undefined ? {} : { rkey }),
        record: { $type: collection, createdAt: new Date().toISOString(), ...record },
      },
      person,
    )
    if (status !== 200) throw new Error(`cannot write; ${JSON.stringify(body)}`)
    return body
  }
  const people: Person[] = []
  for (const [handle] of said) people.push(await signUp(network, handle))
  const posts: Reference[] = []
  for (const [index, [, text]] of said.entries())
    posts.push(await write(people[index]!, 'app.bsky.feed.post', { text }))
  const hostile = await sendDamaged(await firstCommit(network))
  opened.defer(() => {
    hostile.close()
  })
  const indexer = await createIndexer({
    dataFolder: null,
    host: '127.0.0.1',
    port: 0,
    sources: [
      { url: network.pds.url.replace('http', 'ws'), kind: 'pds', start: 'oldest' },
      { url: `ws://127.0.0.1:${(hostile.address() as AddressInfo).port}`, kind: 'relay', start: 'live' },
    ],
    plcUrl: network.plc.url,
    collections: null,
    indexes: [{ collection: POST, indexes: ['createdAt', 'author+createdAt'] }],
    searches: [{ collection: POST, fields: ['text'], kind: 'words' }],
    backfill: true,
    repos: [],
    allowLoopback: true,
    logRetentionMs: 3_600_000,
    ...config,
  })
  opened.defer(() => stage.indexer.close())
  const browser = await launchChromium()
  opened.defer(() => browser.close())
  const parts = opened.move()
  const stage: IndexerStage = {
    network,
    browser,
    people,
    posts,
    indexer,
    write,
    async remove(person, uri) {
      const [, , repo, collection, rkey] = uri.split('/')
      const input = { repo, collection, rkey }
      const { status } = await procedure(network.pds.url, 'com.atproto.repo.deleteRecord', input, person)
      if (status !== 200) throw new Error(`cannot delete; status=${status}`)
    },
    async open(options = {}, path = '/') {
      const context = await browser.newContext(options)
      const page = await context.newPage()
      const complaints: string[] = []
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
      })
      page.on('pageerror', (error) => complaints.push(error.message))
      await page.goto(new URL(path, stage.indexer.url!).href)
      return { page, complaints, done: () => context.close() }
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
  return stage
}

async function signUp(network: Network, handle: string): Promise<Person> {
  const { status, body } = await procedure<{ did: string; accessJwt: string }>(
    network.pds.url,
    'com.atproto.server.createAccount',
    { handle, email: `${handle}@example.com`, password: 'correct horse battery' },
  )
  if (status !== 200) throw new Error(`cannot sign up; ${JSON.stringify(body)}`)
  return { did: body.did, handle, token: body.accessJwt }
}

/** The first commit of a post on the PDS's stream, as bytes. */
function firstCommit(network: Network): Promise<Buffer> {
  const socket = new WebSocket(
    `${network.pds.url.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos?cursor=0`,
  )
  return new Promise((resolve) => {
    socket.on('message', (frame: Buffer) => {
      if (!frame.includes('#commit') || !frame.includes('app.bsky.feed.post')) return
      socket.terminate()
      resolve(frame)
    })
  })
}

/** A relay that sends a damaged commit and something that is no frame, then is quiet. */
async function sendDamaged(frame: Buffer): Promise<WebSocketServer> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  server.on('connection', (socket) => {
    const damaged = Buffer.from(frame)
    damaged[Math.floor(damaged.length / 2)]! ^= 1
    socket.send(damaged)
    socket.send(Buffer.from('<img src=x onerror=document.title=1>'))
  })
  await new Promise((resolve) => server.once('listening', resolve))
  return server
}
