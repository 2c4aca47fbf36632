// The programs of docs/from-other-libraries.md, outside of the workspace, with our packages from tarballs: they type-check, they run on a
// network of the usual names as they are written, and the libraries find the same. The examples of all READMEs type-check there too.
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { freePort } from '@avocet/network'
import { hasChromium, launchChromium } from '@avocet/testing/chromium'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { PASSWORD, startNamedNetwork, type NamedNetwork } from '../named/network.ts'
import { checkTypes, copyInto, installPacked, runTool, type PackedFolder } from '../support/packed.ts'
import { typePassword } from '../support/pds.ts'
import type { Running } from '../support/running.ts'
import { passTo } from '../support/tls-hosts.ts'
import { LIBRARIES, programsOf, TASKS, type Program } from '../tasks/list.ts'

const PACKAGES = join(import.meta.dirname, '../../packages')
/** Our packages; what generates code, and what the code imports; what examples import. */
const OURS = readdirSync(PACKAGES)
const PEERS = ['@atcute/lex-cli', '@atcute/lexicons', '@types/node']
const OF_EXAMPLES = ['@hono/node-server', '@types/express', '@types/ws', 'express', 'hono', 'jose', 'ws']

const programs = TASKS.flatMap(programsOf)
/** What makes a file one of this type is its head. */
const PHOTO = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(1000, 7)])

let alice: Awaited<ReturnType<NamedNetwork['newAccount']>>

test('every task has our program, no longer than the shortest, and one of each peer or a reason', () => {
  for (const task of TASKS) {
    const found = programsOf(task)
    const [ours, ...peers] = found
    expect(ours?.library, task.folder).toBe('avocet')
    expect(ours!.lines, task.folder).toBeLessThanOrEqual(Math.min(...peers.map(({ lines }) => lines)))
    for (const library of LIBRARIES) {
      const isThere = found.some((program) => program.library === library)
      expect(isThere || task.without?.[library] !== undefined, `${task.folder} ${library}`).toBe(true)
    }
  }
})

const installed = installPacked(OURS, [...importedPeers(), ...PEERS, ...OF_EXAMPLES])

afterAll(() => installed?.[Symbol.dispose]())

describe.skipIf(installed === null)('outside of the workspace', () => {
  const packed = installed!
  let network: NamedNetwork
  beforeAll(async () => {
    copyInto(packed, join(import.meta.dirname, '../tasks'), 'tasks')
    for (const { folder, commands } of TASKS) {
      for (const command of Object.values(commands ?? {})) runTool(packed, command, `tasks/${folder}`)
    }
    network = await startNamedNetwork()
    await fill(network, packed)
  }, 120_000)
  afterAll(() => network?.[Symbol.asyncDispose]())

  test('all programs type-check, ours with the declarations that they use, and so do the examples of all READMEs', () => {
    mkdirSync(join(packed.folder, 'readmes'))
    expect(checkTypes(packed, ['tasks/*/avocet.ts'], false)).toBe('')
    for (const name of OURS) {
      const text = readFileSync(join(PACKAGES, name, 'README.md'), 'utf8')
      for (const [index, [, code]] of [...text.matchAll(/^```ts run[^\n]*\n(.*?)^```$/gms)].entries()) {
        writeFileSync(join(packed.folder, 'readmes', `${name}-${index}.ts`), `${code}export {}\n`)
      }
    }
    expect(checkTypes(packed, ['tasks/*/atproto.ts', 'tasks/*/atcute.ts', 'readmes/*.ts'], true)).toBe('')
  })

  test.each(TASKS.filter(({ endless, signsIn, serves }) => !endless && !signsIn && !serves))(
    '$title: the libraries find the same',
    async (task) => {
      const said = new Map<string, string[]>()
      const run = async (program: Program): Promise<void> => {
        const { code, stdout, stderr } = await start(program).ended
        expect([program.library, code, stderr]).toEqual([program.library, 0, ''])
        if (task.says !== undefined) expect(stdout, program.library).toMatch(task.says)
        said.set(program.library, alike(stdout))
      }
      if (task.folder === '12-blob') {
        // Each writes the same file.
        for (const program of programsOf(task)) {
          await run(program)
          const copy = join(packed.folder, 'copy.png')
          expect(readFileSync(copy)).toEqual(PHOTO)
          rmSync(copy)
        }
      } else {
        await Promise.all(programsOf(task).map(run))
      }
      if (task.says !== undefined) return
      const ours = said.get('avocet')!
      expect(ours.join('')).not.toBe('')
      for (const [library, lines] of said) expect(lines, library).toEqual(ours)
    },
  )

  test.each(TASKS.filter(({ endless }) => endless))('$title: the libraries see the same', async (task) => {
    const running = programsOf(task).map((program) => [program.library, start(program)] as const)
    // A stream begins with what is written once it is open.
    const open = Promise.all(running.map(([, program]) => program.wrote(/./)))
    const over = { is: false }
    void open.finally(() => (over.is = true))
    for (let round = 0; !over.is && round < 200; round++) {
      await post(network)
      await Promise.race([open.catch(() => null), delay(100)])
    }
    const { uri } = await post(network)
    await Promise.all(running.map(([, program]) => program.wrote(new RegExp(uri))))
    const said = new Map<string, string[]>()
    for (const [library, program] of running) {
      const { stdout, stderr } = await program.stop()
      expect([library, stderr]).toEqual([library, ''])
      said.set(library, stdout.trimEnd().split('\n'))
    }
    // The one that was open last has seen the fewest.
    const shortest = Math.min(...[...said.values()].map((lines) => lines.length))
    const ours = said.get('avocet')!.slice(-shortest)
    for (const [library, lines] of said) expect(lines.slice(-shortest), library).toEqual(ours)
  })

  test.each(TASKS.filter(({ serves }) => serves).flatMap(programsOf))(
    '$task.title: $library',
    async (program) => {
      const port = await freePort()
      const running = start(program, { PORT: String(port) })
      await using host = await serveDocument(port)
      network.names.set('feed.example.com', host.port)
      const ask = async (to: string, headers: Record<string, string> = {}): Promise<[number, unknown]> => {
        const query = new URLSearchParams({
          feed: 'at://did:web:feed.example.com/app.bsky.feed.generator/me',
        })
        const url = `${to}/xrpc/app.bsky.feed.getFeedSkeleton?${query}`
        const response = await fetch(url, { headers }).catch(() => null)
        return response === null ? [0, null] : [response.status, await response.json()]
      }
      await expect.poll(async () => (await ask(`http://127.0.0.1:${port}`))[0]).toBe(401)
      const asAlice = {
        authorization: `Bearer ${alice.token}`,
        'atproto-proxy': 'did:web:feed.example.com#bsky_fg',
      }
      expect(await ask(network.pds, asAlice)).toEqual([
        200,
        { feed: [{ post: `at://${alice.did}/app.bsky.feed.post/3jzfcijpj2z2a` }] },
      ])
      const { stderr } = await running.stop()
      expect(stderr).toBe('')
    },
  )

  const agreed = TASKS.filter(({ signsIn }) => signsIn)
  describe.skipIf(!hasChromium('the task that signs in by OAuth'))('with a browser', () => {
    let browser: Browser
    beforeAll(async () => {
      browser = await launchChromium(network.chromiumArgs)
    })
    afterAll(() => browser?.close())

    test.each(agreed.flatMap(programsOf))('$task.title: $library', async (program) => {
      const running = start(program)
      const [url] = await running.wrote(/https:\/\/pds\.example\.com\/\S+/)
      const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage()
      await page.goto(url)
      await typePassword(page, PASSWORD)
      await page.getByRole('button', { name: 'Allow', exact: true }).click()
      const { code, stdout, stderr } = await running.ended
      expect(code, stderr).toBe(0)
      expect(alike(stdout)).toEqual(['app.bsky.feed.post/<key>'])
      await page.context().close()
    })
  })

  const start = ({ task, library }: Program, env: Record<string, string> = {}): Running =>
    network.start(join(packed.folder, 'tasks', task.folder, `${library}.ts`), {
      cwd: packed.folder,
      // No browser is opened where CI is set.
      env: { APP_PASSWORD: PASSWORD, CI: 'true', ...env },
    })
})

/** Packages of others that the programs import. */
function importedPeers(): string[] {
  const imported = programs.flatMap(({ code }) =>
    [...code.matchAll(/ from '((?:@[a-z]+\/)?[a-z][a-z-]*)/g)].map(([, name]) => name!),
  )
  return [...new Set(imported)].filter((name) => !/^(?:node$|@avocet\/)/.test(name))
}

/** The host of a feed: its DID document, and all else from the program behind it. */
async function serveDocument(port: number): Promise<{ readonly port: number } & AsyncDisposable> {
  const did = 'did:web:feed.example.com'
  const service = [{ id: '#bsky_fg', type: 'BskyFeedGenerator', serviceEndpoint: 'https://feed.example.com' }]
  const document = JSON.stringify({ '@context': ['https://www.w3.org/ns/did/v1'], id: did, service })
  const pass = passTo(() => port)
  const server = createServer((request, response) => {
    if (request.url === '/.well-known/did.json') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(document)
    } else pass(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function post({ pds }: NamedNetwork): Promise<{ uri: string }> {
  const record = { $type: 'app.bsky.feed.post', text: 'a post', createdAt: '2026-01-02T03:04:05.678Z' }
  const written = await fetch(`${pds}/xrpc/com.atproto.repo.createRecord`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${alice.token}` },
    body: JSON.stringify({ repo: alice.did, collection: 'app.bsky.feed.post', record }),
  })
  return (await written.json()) as { uri: string }
}

/** An account with posts, and its repository in a file. */
async function fill(network: NamedNetwork, { folder }: PackedFolder): Promise<void> {
  const { pds } = network
  alice = await network.newAccount('alice')
  const { did, token } = alice
  const writes = Array.from({ length: 150 }, (_, index) => ({
    $type: 'com.atproto.repo.applyWrites#create',
    collection: 'app.bsky.feed.post',
    value: { $type: 'app.bsky.feed.post', text: `post ${index}`, createdAt: '2026-01-02T03:04:05.678Z' },
  }))
  const written = await fetch(`${pds}/xrpc/com.atproto.repo.applyWrites`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ repo: did, writes }),
  })
  expect(written.status, await written.text()).toBe(200)
  const car = await fetch(`${pds}/xrpc/com.atproto.sync.getRepo?did=${did}`)
  writeFileSync(join(folder, 'photo.png'), PHOTO)
  writeFileSync(join(folder, 'repo.car'), new Uint8Array(await car.arrayBuffer()))
}

/** What programs say, but for what may differ: a slash after a host, the repository before a path, the key of a record that was just made, the type of
 * a facet, which a lexicon gives anyway. */
function alike(stdout: string): string[] {
  const lines = stdout.trimEnd().split('\n')
  return lines.map((line) =>
    line
      .replace(/\/$/, '')
      .replace(/^at:\/\/[^/]+\//, '')
      .replace(/\/[2-7a-z]{13}$/, '/<key>')
      .replaceAll('"$type":"app.bsky.richtext.facet",', ''),
  )
}
