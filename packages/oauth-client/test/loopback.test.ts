// A program that a person runs: the browser comes back to it, and sessions are in a file of their own.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createFileStores, createLoopbackClient, type LoopbackClient } from '../src/loopback/index.ts'
import { withFileLock } from '../src/loopback/file-lock.ts'
import { ALICE, BOB, codeOf, createWorld, SCOPE, valueOf, visit, type World } from './world.ts'

let world: World
let folder: string
beforeEach(async () => {
  world = await createWorld()
  folder = mkdtempSync(join(tmpdir(), 'avocet-oauth-client-'))
})
afterEach(async () => {
  await world.close()
  rmSync(folder, { recursive: true })
})

const file = (): string => join(folder, 'tool', 'sessions.json')
const create = (): LoopbackClient =>
  createLoopbackClient({
    scope: SCOPE,
    file: file(),
    allowLoopback: true,
    now: world.now,
    resolve: async (actor) => ({ did: actor === BOB ? BOB : ALICE, pds: world.origin }),
  })

/** The browser: opens the page, agrees, and follows the way back. */
const browse = async (url: URL): Promise<boolean> => {
  void visit(url).then((back) => fetch(back))
  return true
}

describe('signing in', () => {
  it('takes one call, and another run of the program finds the session', async () => {
    const session = valueOf(await create().signIn(ALICE, { open: browse }))
    expect(session.did).toBe(ALICE)
    const again = valueOf(await create().restore(ALICE))
    expect((await again.fetch('/xrpc/com.example.get')).status).toBe(200)
    expect(statSync(file()).mode & 0o777).toBe(0o600)
    expect(statSync(join(folder, 'tool')).mode & 0o777).toBe(0o700)
    await again.signOut()
    expect(readFileSync(file(), 'utf8')).toBe('{\n  "version": 1,\n  "sessions": {}\n}\n')
  })

  it('replaces the session of the account', async () => {
    const client = create()
    await client.signIn(ALICE, { open: browse })
    const second = valueOf(await client.signIn(ALICE, { open: browse }))
    expect(valueOf(await client.list()).map(({ id }) => id)).toEqual([second.id])
  })

  it('shows the URL where no browser opens', async () => {
    const shown: string[] = []
    const show = (url: URL): void => {
      shown.push(url.origin)
      void browse(url)
    }
    expect(codeOf(await create().signIn(ALICE, { open: () => false, show }))).toBe('ok')
    expect(shown).toEqual([world.origin])
  })

  it('shows the person how it went, and listens no more', async () => {
    let page = ''
    let redirect = ''
    const open = async (url: URL): Promise<boolean> => {
      const back = await visit(url)
      redirect = back.origin
      void fetch(back).then(async (response) => {
        page = `${response.status} ${response.headers.get('content-security-policy')} ${await response.text()}`
      })
      return true
    }
    expect(codeOf(await create().signIn(ALICE, { open }))).toBe('ok')
    await expect.poll(() => page).toMatch(/^200 default-src 'none'.*You are signed in/s)
    expect(redirect).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    await expect(fetch(redirect)).rejects.toThrow('fetch failed')
  })

  it('listens to nobody but the browser that comes back', async () => {
    const statuses: number[] = []
    const open = async (url: URL): Promise<boolean> => {
      const back = await visit(url)
      const ask = async (change: (asked: URL) => void, init: RequestInit = {}): Promise<void> => {
        const asked = new URL(back)
        change(asked)
        statuses.push((await fetch(asked, init)).status)
      }
      await ask((asked) => asked.searchParams.set('state', 'x'))
      await ask((asked) => asked.searchParams.delete('state'))
      await ask((asked) => (asked.pathname = '/other'))
      await ask(() => undefined, { method: 'POST' })
      await ask((asked) => (asked.hostname = 'localhost')).catch(() => statuses.push(404))
      void fetch(back)
      return true
    }
    expect(codeOf(await create().signIn(ALICE, { open }))).toBe('ok')
    expect(statuses).toEqual([404, 404, 404, 404, 404])
  })

  it('ends when nobody comes back, or the program gives up', async () => {
    const open = (): boolean => true
    expect(codeOf(await create().signIn(ALICE, { open, timeoutMs: 50 }))).toBe('timeout')
    const signal = AbortSignal.timeout(200)
    expect(codeOf(await create().signIn(ALICE, { open, signal }))).toBe('aborted')
  })
})

describe('a file of sessions', () => {
  it('that is something else is left alone', async () => {
    const path = join(folder, 'notes.txt')
    for (const text of ['not JSON', '{"version":2,"sessions":{}}', '[]']) {
      writeFileSync(path, text)
      const { sessions } = createFileStores(path)
      await expect(sessions.delete('a'), text).rejects.toThrow(/JSON|not a file of sessions/)
      expect(readFileSync(path, 'utf8')).toBe(text)
    }
  })

  it('keeps what many write at once', async () => {
    const client = create()
    await client.signIn(ALICE, { open: browse })
    const [kept] = await createFileStores(file()).sessions.list()
    const ids = Array.from({ length: 20 }, (_, index) => `session-${index}`)
    await Promise.all(ids.map((id) => createFileStores(file()).sessions.set({ ...kept!, id })))
    const all = await createFileStores(file()).sessions.list(ALICE)
    expect(all.map(({ id }) => id).toSorted()).toEqual([kept!.id, ...ids].toSorted())
    expect(await createFileStores(file()).sessions.list(BOB)).toEqual([])
  })

  it('is renewed once by two programs at a time', async () => {
    const { id } = valueOf(await create().signIn(ALICE, { open: browse }))
    world.advance(3600)
    const sessions = await Promise.all([create(), create(), create()].map((client) => client.restore(id)))
    const answers = await Promise.all(sessions.map((session) => valueOf(session).fetch('/xrpc/a.b.c')))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(world.store.sessions.list(ALICE)).toMatchObject([{ generation: 2 }])
  })
})

describe('the lock', () => {
  it('is free again when its holder is killed', async () => {
    const path = join(folder, 'lock')
    const module = new URL('../src/loopback/file-lock.ts', import.meta.url).href
    const code = `import { withFileLock } from ${JSON.stringify(module)}
      await withFileLock(${JSON.stringify(path)}, async () => { console.log('held'); await new Promise((r) => setTimeout(r, 60000)) })`
    const holder = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => holder.stdout.once('data', resolve))
    let isTaken = false
    const taking = withFileLock(path, async () => {
      isTaken = true
    })
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(isTaken).toBe(false)
    holder.kill('SIGKILL')
    await taking
    expect(isTaken).toBe(true)
  })
})
