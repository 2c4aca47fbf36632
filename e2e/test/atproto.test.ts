// The front door against real servers on sockets, ours and the reference: what it signs in to, writes, reads, proves and follows.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import {
  agent,
  archive,
  AtprotoError,
  createIdentity,
  firehose,
  records,
  repo,
  resolve,
  resumeSession,
  signIn,
  watch,
  type Agent,
  type RecordChange,
  type Session,
  type SessionData,
} from '@avocet/atproto'
import type { IdentityResolvers } from '@avocet/did'
import * as Like from '@avocet/lexicons/app.bsky.feed.like'
import * as Post from '@avocet/lexicons/app.bsky.feed.post'
import { freePort, startService } from '@avocet/network'
import { isDid } from '@avocet/syntax'
import { bundlePage, hasChromium, launchChromium, servePages } from '@avocet/testing/chromium'
import { pdsDatabaseEnvironment } from '@avocet/testing/pds-store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { findReference } from '../side-by-side/servers.ts'
import type { FrontDoorReport } from '../support/atproto-page.ts'
import { startReferenceHost } from '../support/reference-oauth.ts'

const reference = await findReference()

/** Posts and likes have TIDs as keys. */
const KEYS = {
  self: '3jzfcijpj2z2a',
  picture: '3jzfcijpj2z2b',
  other: '3jzfcijpj2z2c',
  proved: '3jzfcijpj2z2d',
  odd: '3jzfcijpj2z2e',
  watched: '3jzfcijpj2z2f',
  none: '3jzfcijpj2z2g',
  archived: '3jzfcijpj2z2h',
}

interface Place extends AsyncDisposable {
  readonly url: string
  readonly plcUrl: string
  readonly password: string
}

async function startOurs(): Promise<Place> {
  await using started = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'avocet-front-door-'))
  started.defer(() => rmSync(folder, { recursive: true, force: true }))
  const start = async (
    app: 'plc-directory' | 'pds',
    args: readonly string[],
    healthPath: string,
  ): Promise<string> => {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const service = await startService({
      name: app,
      app,
      args: [...args, `--port=${port}`, '--host=127.0.0.1', `--data=${join(folder, app)}`],
      url,
      healthPath,
      logFile: join(folder, `${app}.log`),
      env: { PDS_DEV_MODE: 'true', PDS_INVITE_REQUIRED: 'false', ...pdsDatabaseEnvironment(folder) },
    })
    started.defer(() => service.stop())
    return url
  }
  const plcUrl = await start('plc-directory', [], '/_health')
  const url = await start('pds', [`--plc-url=${plcUrl}`], '/xrpc/_health')
  const password = 'correct horse battery'
  const response = await fetch(`${url}/xrpc/com.atproto.server.createAccount`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ handle: 'alice.test', email: 'alice@example.com', password }),
  })
  expect(response.status, await response.text()).toBe(200)
  const running = started.move()
  return { url, plcUrl, password, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** Handles by the server itself: these have no DNS. */
function identityAt({ url, plcUrl }: Place): IdentityResolvers {
  const { dids } = createIdentity({ plcUrl, allowLoopback: true })
  return {
    dids,
    handles: {
      resolve: async (handle) => {
        const asked = await fetch(`${url}/xrpc/com.atproto.identity.resolveHandle?handle=${handle}`)
        const { did } = (await asked.json()) as { did?: unknown }
        if (!isDid(did)) throw new Error(`no such handle: ${handle}`)
        return { ok: true, value: did }
      },
    },
  }
}

/** The same, but for the key in each document: nobody signed anything with it. */
function withOtherKey(identity: IdentityResolvers): IdentityResolvers {
  const publicKeyMultibase = 'zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme'
  return {
    ...identity,
    dids: {
      resolve: async (...asked) => {
        const found = await identity.dids.resolve(...asked)
        if (!found.ok) return found
        const verificationMethod = found.value.verificationMethod.map((one) => ({
          ...one,
          publicKeyMultibase,
        }))
        return { ok: true, value: { ...found.value, verificationMethod } }
      },
    },
  }
}

/** The first ones, or all. */
async function first<T>(from: AsyncIterable<T>, count = Number.POSITIVE_INFINITY): Promise<T[]> {
  const taken: T[] = []
  for await (const item of from) {
    taken.push(item)
    if (taken.length === count) break
  }
  return taken
}

const places = [
  ['Avocet', startOurs, true] as const,
  ['the reference PDS', startReferencePlace, reference.ok] as const,
]

async function startReferencePlace(): Promise<Place> {
  if (!reference.ok) throw new Error(reference.reason)
  return startReferenceHost(reference)
}

describe.each(places)('the front door of %s', (_, start, isThere) => {
  describe.skipIf(!isThere)('over sockets', () => {
    let place: Place
    let identity: IdentityResolvers
    let session: Session
    let alice: Agent
    beforeAll(async () => {
      place = await start()
      identity = identityAt(place)
      session = await signIn('alice.test', place.password, { identity })
      alice = agent(session)
    }, 90_000)
    afterAll(() => place[Symbol.asyncDispose]())

    const said = async (work: Promise<unknown>): Promise<unknown> => {
      const error = await work.then(
        () => null,
        (cause: unknown) => cause,
      )
      expect(error).toBeInstanceOf(AtprotoError)
      const { speaker, code } = error as AtprotoError
      return [speaker, code, (error as AtprotoError).error]
    }

    it('finds an account by handle and by DID', async () => {
      const { did, handle, pds } = await resolve('@alice.test', { identity })
      expect([did, handle, pds]).toEqual([
        session.did,
        'alice.test',
        expect.stringMatching(new RegExp(`:${new URL(place.url).port}$`)),
      ])
      expect(await resolve(did, { identity })).toMatchObject({ did, handle: 'alice.test' })
      expect(await said(resolve('not a name', { identity }))).toEqual(['@avocet/did', 'invalid-handle', ''])
      expect(await said(resolve(`did:plc:${'a'.repeat(24)}`, { identity }))).toEqual([
        '@avocet/did',
        'not-found',
        '',
      ])
    })

    it('makes, reads, replaces, lists and deletes records of a kind', async () => {
      const { uri, cid } = await alice.create(Post.main, { text: 'hello' }, { rkey: KEYS.self })
      expect(uri).toBe(`at://${session.did}/app.bsky.feed.post/${KEYS.self}`)
      const found = await alice.get(Post.main, KEYS.self)
      expect(found).toMatchObject({ uri, cid, value: { $type: 'app.bsky.feed.post', text: 'hello' } })
      expect(Date.parse(found!.value.createdAt)).toBeGreaterThan(Date.now() - 60_000)
      expect(await alice.get(Post.main, KEYS.none)).toBeNull()

      const put = await alice.put(
        Post.main,
        KEYS.self,
        { text: 'hi', createdAt: new Date(0) },
        { swapRecord: cid },
      )
      expect((await alice.get(Post.main, KEYS.self))?.value).toMatchObject({
        text: 'hi',
        createdAt: '1970-01-01T00:00:00.000Z',
      })
      expect(await said(alice.put(Post.main, KEYS.self, { text: 'late' }, { swapRecord: cid }))).toEqual([
        '@avocet/xrpc-client',
        'response',
        'InvalidSwap',
      ])
      const all = await first(alice.list(Post.main))
      expect(all.map((entry) => [entry.uri, entry.cid])).toEqual([[uri, put.cid]])
      await alice.delete(Post.main, KEYS.self)
      await alice.delete(Post.main, KEYS.self)
      expect(await alice.get(Post.main, KEYS.self)).toBeNull()
    })

    it('says which field a schema refuses, before anything is sent', async () => {
      const text = 'x'.repeat(4000)
      const error = await alice.create(Post.main, { text }).catch((cause: unknown) => cause)
      expect(error).toMatchObject({ speaker: '@avocet/xrpc-client', code: 'invalid-request' })
      expect((error as AtprotoError).issues.map(({ path }) => path)).toContain('/text')
      // @ts-expect-error -- a field that the record does not have, and one that it needs
      expect(await said(alice.create(Post.main, { txt: 'hello' }))).toEqual([
        '@avocet/xrpc-client',
        'invalid-request',
        '',
      ])
    })

    it('uploads a blob, and writes several records in one commit or none', async () => {
      const blob = await alice.uploadBlob(new Blob(['picture'], { type: 'image/png' }))
      expect(blob).toMatchObject({ mimeType: 'image/png', size: 7 })
      const images = [{ image: blob, alt: 'a picture' }]
      const [one, two, gone] = await alice.applyWrites([
        {
          action: 'create',
          schema: Post.main,
          rkey: KEYS.picture,
          fields: { text: '', embed: { $type: 'app.bsky.embed.images', images } },
        },
        { action: 'create', schema: Post.main, rkey: KEYS.other, fields: { text: 'other' } },
      ])
      expect([one?.uri, two?.uri, gone]).toEqual([
        `at://${session.did}/app.bsky.feed.post/${KEYS.picture}`,
        `at://${session.did}/app.bsky.feed.post/${KEYS.other}`,
        undefined,
      ])
      const failing = alice.applyWrites([
        { action: 'delete', schema: Post.main, rkey: KEYS.other },
        { action: 'update', schema: Post.main, rkey: KEYS.none, fields: { text: 'no' } },
      ])
      expect((await said(failing)) as string[]).toEqual([
        '@avocet/xrpc-client',
        'response',
        expect.any(String),
      ])
      expect((await alice.get(Post.main, KEYS.other))?.value.text).toBe('other')
      expect(await alice.applyWrites([{ action: 'delete', schema: Post.main, rkey: KEYS.other }])).toEqual([
        null,
      ])
    })

    it('proves records of a repository, one by one and as a whole', async () => {
      const { uri, cid } = await alice.create(Post.main, { text: 'proved' }, { rkey: KEYS.proved })
      const whole = repo('alice.test', { identity })
      const entries = await first(whole)
      expect(entries.find((entry) => entry.uri === uri)).toMatchObject({
        cid,
        collection: 'app.bsky.feed.post',
        rkey: KEYS.proved,
        value: { text: 'proved' },
      })
      expect(await whole.get(Post.main, KEYS.proved)).toMatchObject({ uri, cid, value: { text: 'proved' } })
      expect(await whole.get('app.bsky.feed.post', KEYS.proved)).toMatchObject({ cid })
      expect(await whole.get(Post.main, KEYS.none)).toBeNull()
      expect(await said(whole.get('no path', 'proved'))).toEqual(['@avocet/atproto', 'invalid-path', ''])
    })

    it('believes nothing that the account did not sign', async () => {
      const { did } = session
      const forged = repo(did, { identity: withOtherKey(identity) })
      expect(await said(forged.get('app.bsky.feed.post', KEYS.proved))).toEqual([
        '@avocet/repo',
        'bad-signature',
        '',
      ])
      expect(await said(first(forged))).toEqual(['@avocet/repo', 'bad-signature', ''])
    })

    it('reads an archive, proved by the key of its account', async () => {
      const { did } = session
      const { uri } = await alice.create(Post.main, { text: 'archived' }, { rkey: KEYS.archived })
      const asked = await fetch(`${place.url}/xrpc/com.atproto.sync.getRepo?did=${did}`)
      const car = new Uint8Array(await asked.arrayBuffer())
      const entries = await first(archive(car, { identity }))
      expect(entries.find((entry) => entry.uri === uri)).toMatchObject({
        collection: 'app.bsky.feed.post',
        rkey: KEYS.archived,
        value: { text: 'archived' },
      })
      const forged = { identity: withOtherKey(identity) }
      const seen: string[] = []
      const reading = (async () => {
        for await (const entry of archive(car, forged)) seen.push(entry.uri)
      })()
      expect([await said(reading), seen]).toEqual([['@avocet/repo', 'bad-signature', ''], []])
      expect(await first(archive(car, { ...forged, unsafeSkipSignature: true }))).toEqual(entries)
      const short = archive(car.subarray(0, -10), { unsafeSkipSignature: true })
      expect(((await said(first(short))) as string[])[0]).toBe('@avocet/repo')
      expect(((await said(first(archive(new Uint8Array(3))))) as string[])[0]).toBe('@avocet/repo')
    })

    it('asks for the key once more where it has changed', async () => {
      const { did } = session
      const asked: boolean[] = []
      const dids: IdentityResolvers['dids'] = {
        resolve: (which, given) => {
          const isAnew = given?.forceRefresh === true
          asked.push(isAnew)
          return (isAnew ? identity : withOtherKey(identity)).dids.resolve(which, given)
        },
      }
      const stale = repo(did, { identity: { ...identity, dids } })
      expect((await stale.get(Post.main, KEYS.proved))?.value.text).toBe('proved')
      expect((await first(stale)).length).toBeGreaterThan(0)
      expect(asked).toEqual([false, true, false, true])
    })

    it.skipIf(!hasChromium('the front door'))('does the same in a page', async () => {
      const code = await bundlePage(fileURLToPath(new URL('../support/atproto-page.ts', import.meta.url)))
      const html = '<!doctype html><title>app</title><script type="module" src="/app.js"></script>'
      await using pages = await servePages(
        new Map([
          ['/', html],
          ['/app.js', code],
        ]),
      )
      const browser = await launchChromium()
      try {
        const page = await browser.newPage()
        await page.goto(pages.origin)
        await page.waitForFunction('globalThis.frontDoor !== undefined')
        const given = JSON.stringify([place.plcUrl, session.did, place.password])
        const report = (await page.evaluate(`frontDoor(...${given})`)) as FrontDoorReport
        expect(report).toEqual({
          uri: expect.stringMatching(`^at://${session.did}/app.bsky.feed.post/`) as string,
          proved: 'from a page',
          all: true,
          watched: report.uri,
        })
      } finally {
        await browser.close()
      }
    })

    it('lists records of anybody, item by item where that is asked for', async () => {
      const odd = {
        repo: session.did,
        collection: 'app.bsky.feed.like',
        rkey: KEYS.odd,
        validate: false,
        record: { $type: 'app.bsky.feed.like', subject: 'nobody' },
      }
      const written = await alice.client.request({
        nsid: 'com.atproto.repo.createRecord',
        type: 'procedure',
        body: JSON.stringify(odd),
        encoding: 'application/json',
      })
      expect(written.ok).toBe(true)
      const subject = await alice.get(Post.main, KEYS.proved)
      const { uri } = await alice.create(Like.main, {
        subject: { uri: subject!.uri, cid: subject!.cid } as never,
      })
      const refused: string[] = []
      const likes = records('alice.test', Like.main, {
        identity,
        onInvalid: (failure) => refused.push(failure.uri),
      })
      expect((await first(likes)).map((entry) => entry.uri)).toEqual([uri])
      expect(refused).toEqual([`at://${session.did}/app.bsky.feed.like/${KEYS.odd}`])
      const strict = records('alice.test', Like.main, { identity })
      const error = await first(strict).catch((cause: unknown) => cause)
      expect(error).toMatchObject({ speaker: '@avocet/xrpc-client', code: 'invalid-response' })
      expect((error as AtprotoError).message).toContain(`/app.bsky.feed.like/${KEYS.odd}`)
    })

    it('goes on with a session from its tokens alone, and says when they are over', async () => {
      const kept = JSON.parse(JSON.stringify(session.data)) as SessionData
      const resumed = agent(resumeSession(kept))
      expect(resumed.did).toBe(session.did)
      expect((await resumed.get(Post.main, KEYS.proved))?.value.text).toBe('proved')
      const seen: (SessionData | null)[] = []
      const over = resumeSession(
        { ...kept, accessJwt: 'none', refreshJwt: 'none' },
        { onUpdate: (data) => seen.push(data) },
      )
      await expect(over.refresh()).rejects.toMatchObject({ code: 'response' })
      expect(seen).toEqual([null])
    })

    it('follows the firehose from where it stopped, verified, and leaves nothing out', async () => {
      const saved: number[] = []
      const cursor = { load: () => saved.at(-1) ?? null, save: (seq: number) => void saved.push(seq) }
      const options = {
        url: place.url.replace('http', 'ws'),
        identity,
        cursor,
        collections: ['app.bsky.feed.post'],
      }
      const live = first(firehose(options), 2)
      // The stream begins with what is written once it is open.
      const texts: string[] = []
      const over = { is: false }
      void live.finally(() => (over.is = true))
      for (let count = 0; !over.is && count < 100; count++) {
        await alice.create(Post.main, { text: `live ${count}` })
        texts.push(`live ${count}`)
        await delay(50)
      }
      const taken = (await live).map(({ value }) => value?.['text'] as string)
      expect(texts.slice(texts.indexOf(taken[0]!)).slice(0, 2)).toEqual(taken)

      await alice.create(Post.main, { text: 'after' })
      const rest: RecordChange[] = []
      for await (const change of firehose(options)) {
        rest.push(change)
        if (change.value?.['text'] === 'after') break
      }
      // The second was handed out, but the next one was never asked for.
      expect(rest.map(({ value }) => value?.['text'])).toEqual([
        ...texts.slice(texts.indexOf(taken[1]!)),
        'after',
      ])
      expect(rest.at(-1)).toMatchObject({
        action: 'create',
        did: session.did,
        collection: 'app.bsky.feed.post',
      })
    })

    it('watches one account, and ends with the signal', async () => {
      const stop = new AbortController()
      const seen: RecordChange[] = []
      const watching = (async () => {
        for await (const change of watch('alice.test', { identity, signal: stop.signal })) {
          seen.push(change)
          if (change.action === 'delete') stop.abort()
        }
      })()
      await expect
        .poll(async () => {
          await alice.put(Post.main, KEYS.watched, { text: String(Math.random()) })
          return seen.length
        })
        .toBeGreaterThan(0)
      await alice.delete(Post.main, KEYS.watched)
      await watching
      expect(seen.at(-1)).toMatchObject({ action: 'delete', rkey: KEYS.watched, cid: null, value: null })
    })
  })
})
