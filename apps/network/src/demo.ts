// Two demo accounts with a few posts, likes and follows, over plain HTTP as any client would make them.
// Every step can be repeated: a start that was cut off half-way is finished by the next one.
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

export interface DemoAccount {
  handle: string
  did: string
  password: string
}

type Session = { did: string; accessJwt: string }

/** Makes what is missing of the demo. `file` keeps the accounts and their passwords (mode 0600). */
export async function ensureDemo(pds: string, file: string): Promise<DemoAccount[]> {
  const saved = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as { done: boolean; accounts: DemoAccount[] })
    : {
        done: false,
        accounts: ['alice.test', 'bob.test'].map((handle) => ({
          handle,
          did: '',
          password: randomBytes(12).toString('base64url'),
        })),
      }
  if (saved.done) return saved.accounts
  const save = (): void => writeFileSync(file, JSON.stringify(saved, null, 2), { mode: 0o600 })
  save()

  const sessions: Session[] = []
  for (const account of saved.accounts) {
    const session = await signUpOrIn(pds, account)
    account.did = session.did
    sessions.push(session)
  }
  const [alice, bob] = sessions as [Session, Session]
  const now = Date.now()
  const at = (minutes: number): string => new Date(now + minutes * 60_000).toISOString()

  await put(pds, alice, 'app.bsky.actor.profile', 'self', {
    displayName: 'Alice',
    description: 'First account of this network',
  })
  await put(pds, bob, 'app.bsky.actor.profile', 'self', {
    displayName: 'Bob',
    description: 'Second account of this network',
  })
  const hello = await put(pds, alice, 'app.bsky.feed.post', demoKey(0), {
    text: 'Hello from a network of one.',
    langs: ['en'],
    createdAt: at(-30),
  })
  const waders = await put(pds, alice, 'app.bsky.feed.post', demoKey(1), {
    text: 'An avocet sweeps its bill from side to side through shallow water and misses nothing.',
    langs: ['en'],
    createdAt: at(-20),
  })
  const reply = await put(pds, bob, 'app.bsky.feed.post', demoKey(2), {
    text: 'Hello Alice! Every record here was verified before it was indexed.',
    langs: ['en'],
    createdAt: at(-10),
    reply: { root: hello, parent: hello },
  })
  await put(pds, bob, 'app.bsky.feed.like', demoKey(3), { subject: hello, createdAt: at(-9) })
  await put(pds, bob, 'app.bsky.feed.like', demoKey(4), { subject: waders, createdAt: at(-8) })
  await put(pds, alice, 'app.bsky.feed.like', demoKey(5), { subject: reply, createdAt: at(-7) })
  await put(pds, bob, 'app.bsky.feed.repost', demoKey(6), { subject: waders, createdAt: at(-6) })
  await put(pds, alice, 'app.bsky.graph.follow', demoKey(7), { subject: bob.did, createdAt: at(-5) })
  await put(pds, bob, 'app.bsky.graph.follow', demoKey(8), { subject: alice.did, createdAt: at(-4) })

  saved.done = true
  save()
  return saved.accounts
}

/** Resolves when the indexer answers with the last record of each demo account, or after `timeoutMs`. */
export async function waitUntilIndexed(
  indexer: string,
  accounts: readonly DemoAccount[],
  timeoutMs: number,
): Promise<boolean> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const counts = await Promise.all(
      accounts.map(async ({ did }) => {
        const query = new URLSearchParams({ repo: did, collection: 'app.bsky.graph.follow' })
        const response = await fetch(`${indexer}/xrpc/com.atproto.repo.listRecords?${query.toString()}`)
        if (!response.ok) return 0
        return ((await response.json()) as { records: unknown[] }).records.length
      }),
    )
    if (counts.every((count) => count > 0)) return true
    if (Date.now() > deadline) return false
    await delay(100)
  }
}

/** Fixed record keys, so that a repeated step overwrites instead of adding. */
function demoKey(index: number): string {
  return `3m22222222${'234567abc'[index]}22`
}

async function signUpOrIn(pds: string, account: DemoAccount): Promise<Session> {
  const signUp = await post(pds, 'com.atproto.server.createAccount', null, {
    handle: account.handle,
    email: `${account.handle.split('.')[0]}@example.com`,
    password: account.password,
  })
  if (signUp.ok) return signUp.body as Session
  const signIn = await post(pds, 'com.atproto.server.createSession', null, {
    identifier: account.handle,
    password: account.password,
  })
  if (signIn.ok) return signIn.body as Session
  throw new Error(
    `could not make the demo account; handle=${account.handle} answer=${JSON.stringify(signUp.body)}`,
  )
}

async function put(
  pds: string,
  session: Session,
  collection: string,
  rkey: string,
  record: Record<string, unknown>,
): Promise<{ uri: string; cid: string }> {
  const answer = await post(pds, 'com.atproto.repo.putRecord', session.accessJwt, {
    repo: session.did,
    collection,
    rkey,
    record: { $type: collection, ...record },
  })
  if (!answer.ok)
    throw new Error(`could not write ${collection}/${rkey}; answer=${JSON.stringify(answer.body)}`)
  const { uri, cid } = answer.body as { uri: string; cid: string }
  return { uri, cid }
}

async function post(
  service: string,
  method: string,
  token: string | null,
  input: unknown,
): Promise<{ ok: boolean; body: unknown }> {
  const response = await fetch(`${service}/xrpc/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify(input),
  })
  return { ok: response.ok, body: await response.json() }
}
