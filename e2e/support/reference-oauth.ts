// The reference PDS alone, with an account, and what its OAuth pages do when the owner agrees.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { freePort } from '@avocet/network'
import { createPlcDirectory } from '@avocet/plc-directory'
import type { Did } from '@avocet/syntax'

import type { Reference } from '../reference-pds/setup.ts'
import { startReference } from './reference.ts'

export interface ReferenceHost {
  readonly url: string
  readonly plcUrl: string
  readonly did: Did
  /** Of its account. */
  readonly password: string
  /** The owner opens the page of a sign-in, gives the password and agrees. @returns where the browser is sent */
  agree(page: URL): Promise<URL>
  /** Ends the server and starts it anew, on the same data. */
  restart(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const API = '/@atproto/oauth-provider/~api'
const PASSWORD = 'correct horse battery'

export async function startReferenceHost(reference: Reference & { ok: true }): Promise<ReferenceHost> {
  await using started = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'avocet-reference-oauth-'))
  started.defer(() => rmSync(folder, { recursive: true, force: true }))
  const plc = await createPlcDirectory({ port: 0, rateLimits: null })
  started.defer(() => plc.close())
  const plcUrl = `http://localhost:${plc.port}`
  const port = await freePort()
  const url = `http://localhost:${port}`
  const data = join(folder, 'data')
  mkdirSync(data)
  const start = (): Promise<() => Promise<void>> =>
    startReference(reference, url, join(folder, 'log'), {
      PDS_PORT: String(port),
      PDS_HOSTNAME: 'localhost',
      PDS_DATA_DIRECTORY: data,
      PDS_BLOBSTORE_DISK_LOCATION: join(data, 'blobs'),
      PDS_DID_PLC_URL: plcUrl,
      PDS_DEV_MODE: 'true',
      PDS_DISABLE_SSRF_PROTECTION: 'true',
      PDS_SERVICE_HANDLE_DOMAINS: '.test',
      PDS_INVITE_REQUIRED: 'false',
      PDS_JWT_SECRET: 'reference-oauth-secret',
      PDS_ADMIN_PASSWORD: 'reference-oauth-admin',
      PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX:
        '3f916c70dc69e4c5e83877f013325b11ecac31742e6a42f5c4fb240d0703d9d5',
      PDS_RATE_LIMITS_ENABLED: 'false',
    })
  let stop = await start()
  started.defer(() => stop())
  const response = await fetch(`${url}/xrpc/com.atproto.server.createAccount`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ handle: 'alice.test', email: 'alice@example.com', password: PASSWORD }),
  })
  const account = (await response.json()) as { did?: Did }
  if (account.did === undefined) throw new Error(`no account: ${JSON.stringify(account)}`)
  const running = started.move()
  return {
    url,
    plcUrl,
    did: account.did,
    password: PASSWORD,
    agree: (page) => agree(page, account.did!),
    restart: async () => {
      await stop()
      stop = await start()
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** What the page does in a browser, by its own calls. */
async function agree(page: URL, did: Did): Promise<URL> {
  const cookies = new Map<string, string>()
  await visit(page, cookies, {
    'sec-fetch-site': 'cross-site',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
  })
  const call = async <T>(name: string, input: object, token?: string): Promise<T> => {
    const headers = {
      'content-type': 'application/json',
      'sec-fetch-site': 'same-origin',
      'sec-fetch-mode': 'same-origin',
      origin: page.origin,
      referer: page.href,
      'x-csrf-token': cookies.get('csrf-token') ?? '',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    }
    const answer = await visit(new URL(`${API}/${name}`, page), cookies, headers, JSON.stringify(input))
    if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${answer.text}`)
    return JSON.parse(answer.text) as T
  }
  const given = { username: 'alice.test', password: PASSWORD, locale: 'en', remember: false }
  const { ephemeralToken } = await call<{ ephemeralToken: string }>('sign-in', given)
  const { url } = await call<{ url: string }>('consent', { did }, ephemeralToken)
  // The page that it goes to sends the browser to the app, with the same parameters.
  const { searchParams } = new URL(url)
  const back = new URL(searchParams.get('redirect_uri')!)
  for (const name of ['state', 'iss', 'code']) {
    const value = searchParams.get(name)
    if (value !== null) back.searchParams.set(name, value)
  }
  return back
}

/** A request with headers that `fetch` keeps for itself. */
function visit(
  url: URL,
  cookies: Map<string, string>,
  headers: Readonly<Record<string, string>>,
  body?: string,
): Promise<{ status: number; text: string }> {
  const cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>()
  const request = httpRequest(
    url,
    {
      method: body === undefined ? 'GET' : 'POST',
      headers: { ...headers, ...(cookie === '' ? {} : { cookie }) },
    },
    (response) => {
      for (const set of response.headers['set-cookie'] ?? []) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(set) ?? []
        if (name !== undefined && value !== undefined) cookies.set(name, value)
      }
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      )
    },
  )
  request.on('error', reject)
  request.end(body)
  return promise
}
