import { createPublicKey, ECDH, verify } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** What a token said, and whether this service would have taken it. */
export interface SeenToken {
  readonly iss: string
  readonly aud: string
  readonly lxm: string | undefined
  /** Seconds from now until it expires. */
  readonly lasts: number
  /** The signature is that of the issuer's key in the directory. */
  readonly signed: boolean
}

/** A request as the service got it. */
export interface SeenRequest {
  readonly method: string
  readonly nsid: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** Null without an authorization header. */
  readonly token: SeenToken | null
}

/** An answer; a value becomes JSON, text and bytes go as they are. */
export interface StubAnswer {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: unknown
}

/** A service of its own: a real HTTP server with a did:web and its document, which notes what it is asked. */
export interface StubService extends AsyncDisposable {
  readonly url: string
  readonly did: string
  readonly seen: SeenRequest[]
  /** What the next requests are answered with; reset it after use. */
  answer: (request: SeenRequest) => StubAnswer | Promise<StubAnswer>
}

/** Answers with what it saw of the request. */
export const echo = (request: SeenRequest): StubAnswer => ({ body: { echo: request.nsid } })

/**
 * Starts a service whose DID document names `ids` (fragments without `#`) at itself, `elsewhere` at other URLs, and `keys`
 * (multikeys by fragment).
 * Tokens are taken apart with Node's own cryptography alone, by the key that `keyOf` (a did:key) says.
 */
export async function startService(
  ids: readonly string[],
  keyOf: (did: string) => string | undefined = () => undefined,
  elsewhere: Readonly<Record<string, string>> = {},
  keys: Readonly<Record<string, string>> = {},
): Promise<StubService> {
  const seen: SeenRequest[] = []
  const server = createServer((message, response) => {
    void (async () => {
      const url = new URL(message.url ?? '/', 'http://stub')
      if (url.pathname === '/.well-known/did.json') {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(JSON.stringify(document()))
        return
      }
      const { authorization } = message.headers
      const request: SeenRequest = {
        method: message.method ?? '',
        nsid: url.pathname.replace('/xrpc/', ''),
        query: url.searchParams,
        headers: message.headers,
        body: await buffer(message),
        token: authorization === undefined ? null : readToken(authorization.replace('Bearer ', ''), keyOf),
      }
      seen.push(request)
      const { status = 200, headers = {}, body } = await service.answer(request)
      const raw = typeof body === 'string' || body instanceof Uint8Array
      response.writeHead(status, raw ? headers : { 'content-type': 'application/json', ...headers })
      response.end(raw ? body : JSON.stringify(body ?? {}))
    })()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = `http://localhost:${port}`
  const did = `did:web:localhost%3A${port}`
  const document = (): object => ({
    '@context': ['https://www.w3.org/ns/did/v1'],
    id: did,
    verificationMethod: Object.entries(keys).map(([id, publicKeyMultibase]) => ({
      id: `${did}#${id}`,
      type: 'Multikey',
      controller: did,
      publicKeyMultibase,
    })),
    service: [...ids.map((id) => [id, url] as const), ...Object.entries(elsewhere)].map(
      ([id, serviceEndpoint]) => ({ id: `#${id}`, type: 'BskyNotificationService', serviceEndpoint }),
    ),
  })
  const service: StubService = {
    url,
    did,
    seen,
    answer: echo,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return service
}

function readToken(token: string, keyOf: (did: string) => string | undefined): SeenToken {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, string & number>
  const key = keyOf(claims['iss'] ?? '')
  const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg: string }
  return {
    iss: claims['iss']!,
    aud: claims['aud']!,
    lxm: claims['lxm'],
    lasts: claims['exp']! - Math.floor(Date.now() / 1000),
    signed:
      key !== undefined &&
      alg === 'ES256K' &&
      verify(
        'sha256',
        Buffer.from(`${header}.${payload}`),
        { key: k256(key), dsaEncoding: 'ieee-p1363' },
        Buffer.from(signature, 'base64url'),
      ),
  }
}

/** The K-256 key of a did:key, as OpenSSL takes it. */
function k256(didKey: string): ReturnType<typeof createPublicKey> {
  const bytes = base58(didKey.replace('did:key:z', ''))
  // Two bytes of multicodec (0xe7 0x01), then the compressed point.
  const point = ECDH.convertKey(
    bytes.subarray(2),
    'secp256k1',
    undefined,
    undefined,
    'uncompressed',
  ) as Buffer
  const [x, y] = [point.subarray(1, 33).toString('base64url'), point.subarray(33).toString('base64url')]
  return createPublicKey({ key: { kty: 'EC', crv: 'secp256k1', x, y }, format: 'jwk' })
}

function base58(text: string): Buffer {
  const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
  let value = 0n
  for (const letter of text) value = value * 58n + BigInt(alphabet.indexOf(letter))
  return Buffer.from(value.toString(16).padStart(70, '0'), 'hex')
}
