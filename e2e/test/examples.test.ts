// The programs of examples/, each as a process of its own on a network with the usual names, judged by what they do.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { createKeypair } from '@avocet/crypto'
import { createResolveLabelKey, labelerEndpoint, parseDidDocument } from '@avocet/did'
import { createLabelSet, mergeLabels, subscribeLabels, type Label } from '@avocet/labels'
import { freePort } from '@avocet/network'
import { hasChromium, launchChromium } from '@avocet/testing/chromium'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { PASSWORD, startNamedNetwork, type NamedNetwork } from '../named/network.ts'
import { typePassword } from '../support/pds.ts'
import type { Running } from '../support/running.ts'

type Account = Awaited<ReturnType<NamedNetwork['newAccount']>>
type Entry = { uri: string; cid: string; value: { text: string; reply?: unknown } }

const POST = 'app.bsky.feed.post'

let network: NamedNetwork
let alice: Account
const running: Running[] = []
beforeAll(async () => {
  network = await startNamedNetwork()
  alice = await network.newAccount('alice')
}, 60_000)
afterAll(async () => {
  await Promise.all(running.map((program) => program.stop()))
  await network?.[Symbol.asyncDispose]()
})

function start(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const file = join(import.meta.dirname, '../../examples', name)
  // No browser is opened where CI is set.
  const program = network.start(file, { args, env: { APP_PASSWORD: PASSWORD, CI: 'true', ...env } })
  running.push(program)
  return program
}

async function call<T>(method: string, input: object, { token }: Account = alice): Promise<T> {
  const response = await fetch(`${network.pds}/xrpc/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(input),
  })
  const text = await response.text()
  expect(response.status, text).toBe(200)
  return JSON.parse(text || 'null') as T
}

async function post(text: string, more: object = {}): Promise<{ uri: string; cid: string }> {
  const record = { $type: POST, text, createdAt: new Date().toISOString(), ...more }
  const input = { repo: alice.did, collection: POST, record }
  const { uri, cid } = await call<{ uri: string; cid: string }>('com.atproto.repo.createRecord', input)
  return { uri, cid }
}

async function postsOf(repo: string): Promise<Entry[]> {
  const query = new URLSearchParams({ repo, collection: POST, limit: '100' })
  const response = await fetch(`${network.pds}/xrpc/com.atproto.repo.listRecords?${query}`)
  return ((await response.json()) as { records: Entry[] }).records
}

/** A stream begins with what is written once it is open: writes until something shows that it is. */
async function until<T>(write: () => Promise<unknown>, seen: Promise<T>): Promise<T> {
  const over = { is: false }
  void seen.then(() => (over.is = true))
  for (let round = 0; !over.is && round < 200; round++) {
    await write()
    await Promise.race([seen, delay(100)])
  }
  return seen
}

test('a bot answers whoever mentions it, and nobody else', async () => {
  const account = await network.newAccount('echo')
  const bot = start('bot.ts', [account.handle])
  await bot.wrote(/listens/)
  const features = [{ $type: 'app.bsky.richtext.facet#mention', did: account.did }]
  const facets = [{ index: { byteStart: 0, byteEnd: 4 }, features }]
  const mentions: { uri: string; cid: string }[] = []
  const mention = async (): Promise<void> => {
    await post('no mention')
    mentions.push(await post('@bot', { facets }))
  }
  await until(mention, bot.wrote(/is answered by/))
  await expect
    .poll(async () => (await postsOf(account.did))[0]?.value.reply)
    .toEqual({
      root: mentions.at(-1),
      parent: mentions.at(-1),
    })
  const parents = (await postsOf(account.did)).map(({ value }) => (value.reply as { parent: object }).parent)
  for (const parent of parents) expect(mentions).toContainEqual(parent)
  await bot.stop()
})

test('a feed generator gives the posts with a word, through the PDS', async () => {
  const port = await freePort()
  network.names.set('feed.example.com', port)
  const feed = start('feed.ts', ['feed.example.com', 'avocado'], { PORT: String(port) })
  const [, uri] = await feed.wrote(/^(\S+) is at/)
  expect(uri).toBe('at://did:web:feed.example.com/app.bsky.feed.generator/avocado')
  const skeleton = async (more = ''): Promise<{ feed: { post: string }[]; cursor?: string }> => {
    const response = await fetch(
      `${network.pds}/xrpc/app.bsky.feed.getFeedSkeleton?feed=${encodeURIComponent(uri!)}${more}`,
      {
        headers: {
          authorization: `Bearer ${alice.token}`,
          'atproto-proxy': 'did:web:feed.example.com#bsky_fg',
        },
      },
    )
    expect(response.status).toBe(200)
    return (await response.json()) as { feed: { post: string }[] }
  }
  const first = Promise.withResolvers<void>()
  await until(async () => {
    await post('an avocado')
    await post('an apple')
    if ((await skeleton()).feed.length > 0) first.resolve()
  }, first.promise)
  const { uri: last } = await post('another avocado')
  await expect.poll(async () => (await skeleton()).feed[0]?.post).toBe(last)
  const all = (await skeleton()).feed.map((entry) => entry.post)
  const texts = new Map((await postsOf(alice.did)).map((entry) => [entry.uri, entry.value.text]))
  expect(all.filter((one) => !texts.get(one)?.includes('avocado'))).toEqual([])
  const page = await skeleton('&limit=1')
  expect(page).toEqual({ feed: [{ post: last }], cursor: last })
  expect((await skeleton(`&cursor=${encodeURIComponent(last)}`)).feed.map((one) => one.post)).toEqual(
    all.slice(1),
  )
  await call('com.atproto.repo.deleteRecord', {
    repo: alice.did,
    collection: POST,
    rkey: last.split('/').at(-1),
  })
  await expect.poll(async () => (await skeleton()).feed[0]?.post).toBe(all[1])
  await feed.stop()
})

test('a labeler labels the posts with a word, until they are deleted, and goes on after a restart', async () => {
  const did = 'did:web:labels.example.com'
  const port = await freePort()
  network.names.set('labels.example.com', port)
  const folder = mkdtempSync(join(tmpdir(), 'avocet-labeler-'))
  const env = {
    PORT: String(port),
    LABEL_KEY: Buffer.from(createKeypair().exportPrivateKey()).toString('hex'),
    LABELS_DB: join(folder, 'labels.db'),
  }
  let labeler = start('labeler.ts', ['labels.example.com', 'quince'], env)
  await labeler.wrote(/^did:web:labels\.example\.com is at/)
  const found = await fetch(`http://127.0.0.1:${port}/.well-known/did.json`)
  const document = parseDidDocument(await found.json(), did)
  if (!document.ok) throw document.error
  expect(labelerEndpoint(document.value)).toBe('https://labels.example.com')
  const resolveKey = createResolveLabelKey({ resolve: async () => document })
  const labels = createLabelSet()
  const position = { is: 0 }
  /** Reads along until it has seen enough. */
  const read = async (isEnough: () => boolean): Promise<void> => {
    const service = `http://127.0.0.1:${port}`
    await using stream = subscribeLabels({ service, sources: did, resolveKey, cursor: position.is })
    while (!isEnough()) {
      const { value: event } = await stream.next()
      if (event?.kind !== 'label') throw new Error(`no label: ${JSON.stringify(event)}`)
      labels.apply(event.label)
      position.is = event.seq
    }
  }
  const posts: string[] = []
  const labelled = (): string[] => posts.filter((uri) => labels.inForce(uri).length > 0)
  const write = async (): Promise<void> => {
    await post('an apple')
    posts.push((await post('a quince')).uri)
  }
  await until(
    write,
    read(() => labelled().length > 0),
  )
  const [uri] = labelled()
  const input = { repo: alice.did, collection: POST, rkey: uri!.split('/').at(-1) }
  await call('com.atproto.repo.deleteRecord', input)
  await read(() => labels.inForce(uri!).length === 0)

  await labeler.stop()
  labeler = start('labeler.ts', ['labels.example.com', 'quince'], env)
  await labeler.wrote(/is at/)
  const before = posts.length
  await until(
    write,
    read(() => posts.slice(before).some((one) => labels.inForce(one).length > 0)),
  )
  // Through the PDS, as apps ask.
  const query = new URLSearchParams({ uriPatterns: `at://${alice.did}/*`, limit: '250' })
  const response = await fetch(`${network.pds}/xrpc/com.atproto.label.queryLabels?${query}`, {
    headers: { authorization: `Bearer ${alice.token}`, 'atproto-proxy': `${did}#atproto_labeler` },
  })
  expect(response.status).toBe(200)
  const answer = (await response.json()) as { labels: Label[] }
  const said = mergeLabels(answer.labels).map((one) => one.uri as string)
  const texts = new Map((await postsOf(alice.did)).map((entry) => [entry.uri, entry.value.text]))
  expect(said.filter((one) => texts.get(one) !== 'a quince')).toEqual([])
  expect(said).toEqual(expect.arrayContaining(labelled()))
  expect(answer.labels.find((one) => one.uri === uri)?.neg).toBe(true)
  await labeler.stop()
  rmSync(folder, { recursive: true })
})

test('an exporter writes every record as JSON', async () => {
  await post('to export')
  const { code, stdout, stderr } = await start('export.ts', [alice.handle]).ended
  expect([code, stderr]).toEqual([0, ''])
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Entry)
  const posts = lines.filter(({ uri }) => uri.includes(POST))
  expect(new Set(posts.map((line) => JSON.stringify(line)))).toEqual(
    new Set((await postsOf(alice.did)).map(({ uri, cid, value }) => JSON.stringify({ uri, cid, value }))),
  )
})

test('a counter counts what the network writes', async () => {
  const counter = start('count.ts', ['0.5'])
  const [, count] = await until(() => post('to count'), counter.wrote(/^\{"app\.bsky\.feed\.post":(\d+)\}$/m))
  expect(Number(count)).toBeGreaterThan(0)
  await counter.stop()
})

describe.skipIf(!hasChromium('examples that sign in by OAuth'))('with a browser', () => {
  let browser: Browser
  const state = mkdtempSync(join(tmpdir(), 'avocet-examples-'))
  beforeAll(async () => {
    browser = await launchChromium(network.chromiumArgs)
  })
  afterAll(async () => {
    await browser?.close()
    rmSync(state, { recursive: true, force: true })
  })
  const newPage = async (): Promise<Page> => (await browser.newContext({ ignoreHTTPSErrors: true })).newPage()

  const agree = async (page: Page): Promise<void> => {
    await typePassword(page, PASSWORD)
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
  }

  test('a command-line tool posts, and signs in through the browser only once', async () => {
    const env = { XDG_STATE_HOME: state }
    const first = start('post.ts', [alice.handle, 'from the command line'], env)
    const [url] = await first.wrote(/https:\/\/pds\.example\.com\/\S+/)
    const page = await newPage()
    await page.goto(url)
    await agree(page)
    const { code, stdout, stderr } = await first.ended
    expect(code, stderr).toBe(0)
    expect(statSync(join(state, 'avocet-post/sessions.json')).mode & 0o777).toBe(0o600)
    const second = await start('post.ts', [alice.handle, 'and once more'], env).ended
    expect([second.code, second.stderr]).toEqual([0, ''])
    const found = await postsOf(alice.did)
    expect(found.slice(0, 2).map(({ uri, value }) => [uri, value.text])).toEqual([
      [second.stdout.trim(), 'and once more'],
      [stdout.trim(), 'from the command line'],
    ])
    await page.context().close()
  })

  test('a web page signs in, posts, and is signed in after a reload', async () => {
    const port = await freePort()
    network.names.set('app.example.com', port)
    const server = start('page/serve.ts', ['https://app.example.com'], { PORT: String(port) })
    await server.wrote(/is ready/)
    const page = await newPage()
    await page.goto('https://app.example.com/')
    await page.getByLabel('Handle').fill(alice.handle)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL((to) => to.hostname === 'pds.example.com')
    await agree(page)
    await page.waitForURL((to) => to.hostname === 'app.example.com')
    await page.getByText(`Signed in as ${alice.did}`).waitFor()
    const send = async (text: string): Promise<string> => {
      await page.getByLabel('Text').fill(text)
      await page.getByRole('button', { name: 'Post' }).click()
      await page.getByText(`at://${alice.did}/${POST}/`).waitFor()
      return (await page.locator('#status').textContent())!
    }
    const first = await send('from a page')
    await page.reload()
    await page.getByText(`Signed in as ${alice.did}`).waitFor()
    const second = await send('after a reload')
    const found = await postsOf(alice.did)
    expect(found.slice(0, 2).map(({ uri, value }) => [uri, value.text])).toEqual([
      [second, 'after a reload'],
      [first, 'from a page'],
    ])
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Handle').waitFor()
    await page.context().close()
    await server.stop()
  })
})
