// The OAuth client on Node against both PDSes: sign-in, calls, restarts of both sides, a clock that is wrong, answers that are lost, many
// calls when the token is over. Never is a session lost, and never are two renewals sent.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  createAccountResolver,
  createLock,
  createLoopbackMetadata,
  type OAuthClient,
  type OAuthClientEvent,
  type OAuthResult,
  type OAuthSession,
} from '@avocet/oauth-client'
import { createNodeOAuthClient, type NodeClientOptions } from '@avocet/oauth-client/node'
import { openSqliteStores } from '@avocet/oauth-client/sqlite'
import { createDidResolver, createHandleResolver } from '@avocet/did'
import { openDatabase, type Database } from '@avocet/sqlite'
import { createClient } from '@avocet/xrpc-client'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { OAUTH_HOSTS } from '../support/oauth-hosts.ts'
import type { OAuthHost } from '../support/reference-oauth.ts'

const SCOPE = 'atproto transition:generic'
const HOUR_MS = 3_600_000

function valueOf<T>(result: OAuthResult<T>): T {
  if (!result.ok) throw result.error
  return result.value
}

describe.for(OAUTH_HOSTS)('with %s', ([, start, isRepeatable]) => {
  let host: OAuthHost
  let folder: string
  let events: OAuthClientEvent[]
  /** Grants that were asked for. */
  let grants: string[]
  /** Renewals that do not arrive, and answers to renewals that do not. */
  let toLose: { before: number; after: number }
  let ahead: number
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'avocet-oauth-client-'))
    host = await start()
  }, 90_000)
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })
  beforeEach(() => {
    events = []
    grants = []
    toLose = { before: 0, after: 0 }
    ahead = 0
  })

  const open = (name: string): Database => openDatabase({ path: join(folder, `${name}.sqlite`) })
  const clientOf = (db: Database, options: Partial<NodeClientOptions> = {}): OAuthClient =>
    createNodeOAuthClient({
      metadata: createLoopbackMetadata({ redirectUri: 'http://127.0.0.1/callback', scope: SCOPE }),
      stores: openSqliteStores(db),
      allowLoopback: true,
      resolve: createAccountResolver({
        dids: createDidResolver({ plcUrl: host.plcUrl, allowLoopback: true }),
        handles: createHandleResolver({
          fetch: null,
          dns: async () => ({ ok: true, value: [`did=${host.did}`] }),
          allowTestTld: true,
        }),
      }),
      now: () => Date.now() + ahead,
      onEvent: (event) => events.push(event),
      fetch: async (url, init) => {
        const grant = new URLSearchParams(init.body).get('grant_type')
        if (grant === 'refresh_token' && toLose.before > 0) {
          toLose.before -= 1
          throw new TypeError('the connection was lost')
        }
        const response = await fetch(url, init)
        // One that asks for another nonce did not count.
        if (grant === null || !response.ok) return response
        grants.push(grant)
        if (grant !== 'refresh_token' || toLose.after === 0) return response
        toLose.after -= 1
        await response.body?.cancel()
        throw new TypeError('the connection was lost')
      },
      ...options,
    })
  const signIn = async (client: OAuthClient): Promise<OAuthSession> => {
    const { url } = valueOf(await client.authorize('alice.test'))
    return valueOf(await client.callback(await host.agree(url))).session
  }
  const whoami = async (session: OAuthSession): Promise<unknown> => {
    const answer = await session.fetch('/xrpc/com.atproto.server.getSession')
    return [answer.status, ((await answer.json()) as { did?: string }).did]
  }
  const renewals = (): number => grants.filter((grant) => grant === 'refresh_token').length

  it('signs in, writes, and goes on after restarts of the program and of the server', async () => {
    let db = open('restart')
    const session = await signIn(clientOf(db))
    expect(session.did).toBe(host.did)
    const api = createClient({ service: session })
    const record = { $type: 'com.example.note', text: 'hello' }
    const written = await api.request({
      nsid: 'com.atproto.repo.createRecord',
      type: 'procedure',
      body: JSON.stringify({ repo: session.did, collection: 'com.example.note', record }),
      encoding: 'application/json',
    })
    expect(written.ok && written.status).toBe(200)
    db.close()

    await host.restart()
    db = open('restart')
    const client = clientOf(db)
    const again = valueOf(await client.restore(host.did))
    expect(await whoami(again)).toEqual([200, host.did])
    await again.refresh()
    expect(await whoami(again)).toEqual([200, host.did])
    await again.signOut()
    expect(valueOf(await client.list())).toEqual([])
    await expect(whoami(again)).rejects.toMatchObject({ code: 'session-ended', ending: 'signed-out' })
    db.close()
  }, 90_000)

  it.each([-2 * HOUR_MS, 26 * HOUR_MS])(
    'signs in and renews with a clock that is %d ms off',
    async (skew) => {
      ahead = skew
      const db = open(`clock${skew}`)
      const session = await signIn(clientOf(db))
      expect(await whoami(session)).toEqual([200, host.did])
      await session.refresh()
      expect(await whoami(session)).toEqual([200, host.did])
      db.close()
    },
  )

  it('renews once for forty calls of two clients at the end of a token', async () => {
    const db = open('forty')
    const lock = createLock()
    const first = await signIn(clientOf(db, { lock }))
    const second = valueOf(await clientOf(db, { lock }).restore(first.id))
    ahead = 2 * HOUR_MS
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => whoami(index % 2 === 0 ? first : second)),
    )
    expect(new Set(answers.map(String))).toEqual(new Set([`200,${host.did}`]))
    expect(renewals()).toBe(1)
    db.close()
  })

  it('sends a renewal again that did not arrive', async () => {
    const db = open('lost')
    const session = await signIn(clientOf(db))
    toLose = { before: 2, after: 0 }
    await session.refresh()
    expect(toLose).toEqual({ before: 0, after: 0 })
    expect(await whoami(session)).toEqual([200, host.did])
    expect(events.map(({ type }) => type)).toEqual(['session-began', 'session-renewed'])
    db.close()
  })

  it('outlives a lost answer to a renewal, where the server gives it again; else says that it is over', async () => {
    const db = open('gone')
    const client = clientOf(db)
    const session = await signIn(client)
    toLose = { before: 0, after: isRepeatable ? 2 : 1 }
    const { id, did } = session
    if (isRepeatable) {
      await session.refresh()
      expect(await whoami(session)).toEqual([200, did])
      expect(events.map(({ type }) => type)).toEqual(['session-began', 'session-renewed'])
      await session.refresh()
      expect(valueOf(await client.list())).toHaveLength(1)
    } else {
      await expect(session.refresh()).rejects.toMatchObject({ code: 'session-ended', ending: 'refused' })
      expect(events.at(-1)).toEqual({ type: 'session-ended', id, did, ending: 'refused' })
      expect(valueOf(await client.list())).toEqual([])
    }
    expect(toLose).toEqual({ before: 0, after: 0 })
    db.close()
  })
})
