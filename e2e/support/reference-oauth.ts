// The reference PDS alone, with an account, and what its OAuth pages do when the owner agrees.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { freePort } from '@avocet/network'
import { createPlcDirectory } from '@avocet/plc-directory'
import type { Did } from '@avocet/syntax'
import { agreeByCalls } from '@avocet/testing/oauth-pages'

import type { Reference } from '../reference-pds/setup.ts'
import { startReference } from './reference.ts'

/** A PDS, a did:plc directory, and the account `alice.test`. */
export interface OAuthHost extends AsyncDisposable {
  readonly url: string
  readonly plcUrl: string
  readonly did: Did
  /** Of its account. */
  readonly password: string
  /** The owner opens the page of a sign-in, gives the password and agrees. @returns where the browser is sent */
  agree(page: URL): Promise<URL>
  /** Ends the server and starts it anew, on the same data. */
  restart(): Promise<void>
}

const HANDLE = 'alice.test'
const PASSWORD = 'correct horse battery'

export async function startReferenceHost(reference: Reference & { ok: true }): Promise<OAuthHost> {
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
    body: JSON.stringify({ handle: HANDLE, email: 'alice@example.com', password: PASSWORD }),
  })
  const account = (await response.json()) as { did?: Did }
  if (account.did === undefined) throw new Error(`no account: ${JSON.stringify(account)}`)
  const running = started.move()
  return {
    url,
    plcUrl,
    did: account.did,
    password: PASSWORD,
    agree: (page) => agreeByCalls(page, { did: account.did!, handle: HANDLE, password: PASSWORD }),
    restart: async () => {
      await stop()
      stop = await start()
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
