// A service behind the PDS, with a DID of its own: an AppView, a moderation service, a chat service. It verifies every
// service token with @atproto/xrpc-server and @atproto/identity, and keeps what reached it.
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

import { IdResolver } from '@atproto/identity'
import { verifyJwt } from '@atproto/xrpc-server'

/** What a stub answers: JSON, unless it says otherwise. */
export interface StubAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** An object is sent as JSON; undefined is no body. */
  readonly body?: object | string
}

/** A request that reached a stub. */
export interface Reached {
  readonly service: string
  readonly method: string
  /** Path and query, with what was percent-encoded decoded. */
  readonly url: string
  /** All but those that belong to the connection, and `authorization`. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Null without an `authorization` header. */
  readonly token: ReachedToken | null
}

/** A service token as the stub judged it. */
export interface ReachedToken {
  /** `valid`, or the error's name: the signature, the expiry, the audience and the method were checked. */
  readonly verdict: string
  readonly iss: unknown
  readonly aud: unknown
  readonly lxm: unknown
  /** Seconds between `iat` and `exp`. */
  readonly lifetime: number
  readonly header: unknown
}

/** A running stub. */
export interface StubService {
  readonly url: string
  readonly did: string
  readonly reached: Reached[]
  /** Sets the answers by method; the others are answered with `{ "stub": <method> }`. */
  answer(answers: Readonly<Record<string, StubAnswer>>): void
  close(): Promise<void>
}

/** Names of the entries in the stub's DID document; all lead to its own URL. */
const SERVICES = ['bsky_appview', 'bsky_notif', 'bsky_chat', 'atproto_labeler', 'bsky_fg']
/** The DID of the feed generator in the answers of the AppView. */
export const FEED_DID = 'did:web:feeds.example.com'
const OF_THE_CONNECTION = [
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'keep-alive',
  'authorization',
]

/** Starts a stub on a free loopback port; its DID is the did:web of that port. */
export async function startStub(name: string, plcUrl: string): Promise<StubService> {
  const ids = new IdResolver({ plcUrl, fetch })
  const reached: Reached[] = []
  let answers: Readonly<Record<string, StubAnswer>> = {}
  const server = createServer((request, response) => {
    void (async () => {
      const url = request.url!
      if (url === '/.well-known/did.json') {
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify(document))
        return
      }
      const body = (await buffer(request)).toString('utf8')
      const nsid = url.replace('/xrpc/', '').split('?')[0]!
      const token = await judge(request.headers.authorization, nsid)
      const headers = passedOn(request.headers)
      reached.push({
        service: name,
        method: request.method!,
        url: decodeURIComponent(url),
        headers,
        body,
        token,
      })
      const answer: StubAnswer = answers[nsid] ?? { body: { stub: nsid } }
      const { body: content } = answer
      const type = content === undefined ? {} : { 'content-type': 'application/json' }
      response.writeHead(answer.status ?? 200, { ...type, ...answer.headers })
      response.end(typeof content === 'object' ? JSON.stringify(content) : content)
    })()
  })

  const judge = async (authorization: string | undefined, nsid: string): Promise<ReachedToken | null> => {
    if (authorization === undefined) return null
    const jwt = authorization.replace(/^Bearer /, '')
    const [header, payload] = jwt
      .split('.', 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, any>)
    // A feed is asked for through the AppView, in the generator's name.
    const isFeed = nsid === 'app.bsky.feed.getFeed'
    const audience = isFeed ? FEED_DID : did
    const lxm = isFeed ? 'app.bsky.feed.getFeedSkeleton' : nsid
    const verdict = await verifyJwt(jwt, audience, lxm, (iss, fresh) =>
      ids.did.resolveAtprotoKey(iss, fresh),
    ).then(
      () => 'valid',
      (error: { customErrorName?: string; message: string }) => error.customErrorName ?? error.message,
    )
    const { iss, aud, lxm: method, iat, exp } = payload!
    return { verdict, iss, aud, lxm: method, lifetime: exp - iat, header }
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = `http://localhost:${port}`
  const did = `did:web:localhost%3A${port}`
  const document = {
    '@context': ['https://www.w3.org/ns/did/v1'],
    id: did,
    service: SERVICES.map((id) => ({ id: `#${id}`, type: 'Stub', serviceEndpoint: url })),
  }
  return {
    url,
    did,
    reached,
    answer: (next) => (answers = { ...answers, ...next }),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function passedOn(headers: IncomingHttpHeaders): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => !OF_THE_CONNECTION.includes(name))
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]))
}
