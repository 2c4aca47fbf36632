// The reference PDS and Avocet's, as processes on one did:plc directory, with the same settings and services of their own.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { freePort, startService } from '@avocet/network'
import { createPlcDirectory } from '@avocet/plc-directory'
import { pdsDatabaseEnvironment } from '@avocet/testing/pds-store'

import { prepareReference, type Reference } from '../reference-pds/setup.ts'
import { startReference } from '../support/reference.ts'
import { startMailSink, type MailSink } from './mail-sink.ts'
import { startStub, type StubService } from './stub-service.ts'

/** One of the two servers, and what stands around it. */
export interface Side {
  readonly name: 'reference' | 'avocet'
  readonly url: string
  /** The server's own DID. */
  readonly did: string
  readonly mail: MailSink
  readonly appView: StubService
  readonly moderation: StubService
}

/** Both servers. */
export interface Sides {
  readonly reference: Side
  readonly avocet: Side
  readonly plcUrl: string
  stop(): Promise<void>
}

export const ADMIN_PASSWORD = 'side-by-side-admin'
/** The largest blob both take, in bytes. */
const BLOB_LIMIT = 200_000

/** Where the reference PDS is; prints loudly why the suite is skipped when there is none. */
export async function findReference(): Promise<Reference> {
  const reference = await prepareReference()
  if (!reference.ok) console.warn(`\nSKIPPED: side by side with the reference PDS: ${reference.reason}\n`)
  return reference
}

/** Starts the directory, both servers, and a stub of each service for each. `settings` go to both. */
export async function startSides(
  reference: Reference & { ok: true },
  settings: Readonly<Record<string, string>> = {},
): Promise<Sides> {
  await using started = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'avocet-side-by-side-'))
  started.defer(() => rmSync(folder, { recursive: true, force: true }))
  // Its documents have the form of the public directory's; the published server's are of an older one.
  const plc = await createPlcDirectory({ port: 0, rateLimits: null })
  started.defer(() => plc.close())
  // The reference resolves no DID by way of an address.
  const plcUrl = `http://localhost:${plc.port}`

  const start = async (name: Side['name'], run: Run): Promise<Side> => {
    const mail = await startMailSink()
    started.defer(() => mail.close())
    const appView = await startStub('appView', plcUrl)
    started.defer(() => appView.close())
    const moderation = await startStub('moderation', plcUrl)
    started.defer(() => moderation.close())
    moderation.answer({ 'com.atproto.moderation.createReport': { body: REPORT } })
    const port = await freePort()
    const url = `http://localhost:${port}`
    const did = `did:web:localhost%3A${port}`
    const data = join(folder, name)
    mkdirSync(data)
    const end = await run({
      url,
      folder: data,
      logFile: `${data}.log`,
      env: {
        PDS_PORT: String(port),
        PDS_HOSTNAME: 'localhost',
        PDS_SERVICE_DID: did,
        PDS_DATA_DIRECTORY: data,
        PDS_BLOBSTORE_DISK_LOCATION: join(data, 'blobs'),
        PDS_DID_PLC_URL: plcUrl,
        PDS_DEV_MODE: 'true',
        PDS_DISABLE_SSRF_PROTECTION: 'true',
        PDS_SERVICE_HANDLE_DOMAINS: '.test',
        PDS_INVITE_REQUIRED: 'false',
        PDS_BLOB_UPLOAD_LIMIT: String(BLOB_LIMIT),
        PDS_JWT_SECRET: `${name}-side-by-side-secret`,
        PDS_ADMIN_PASSWORD: ADMIN_PASSWORD,
        PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: ROTATION_KEYS[name],
        PDS_EMAIL_SMTP_URL: mail.url,
        PDS_EMAIL_FROM_ADDRESS: 'pds@example.com',
        PDS_PRIVACY_POLICY_URL: 'https://example.com/privacy',
        PDS_TERMS_OF_SERVICE_URL: 'https://example.com/terms',
        PDS_CONTACT_EMAIL_ADDRESS: 'help@example.com',
        PDS_BSKY_APP_VIEW_URL: appView.url,
        PDS_BSKY_APP_VIEW_DID: appView.did,
        PDS_MOD_SERVICE_URL: moderation.url,
        PDS_MOD_SERVICE_DID: moderation.did,
        PDS_RATE_LIMITS_ENABLED: 'false',
        // Avocet does so always.
        PDS_ENABLE_DID_DOC_WITH_SESSION: 'true',
        ...settings,
      },
    })
    started.defer(end)
    return { name, url, did, mail, appView, moderation }
  }
  const [theirs, ours] = await Promise.all([
    start('reference', runReference(reference)),
    start('avocet', runAvocet),
  ])
  const running = started.move()
  return { reference: theirs, avocet: ours, plcUrl, stop: () => running.disposeAsync() }
}

/** What the moderation service answers to a report. */
const REPORT = {
  id: 1,
  reasonType: 'com.atproto.moderation.defs#reasonSpam',
  subject: { $type: 'com.atproto.admin.defs#repoRef', did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' },
  reportedBy: 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb',
  createdAt: '2026-01-01T00:00:00.000Z',
}

/** Keys that sign the PLC operations of each server. */
const ROTATION_KEYS: Readonly<Record<Side['name'], string>> = {
  reference: '3f916c70dc69e4c5e83877f013325b11ecac31742e6a42f5c4fb240d0703d9d5',
  avocet: '5d1cb3b5a42c2f9c0a1f9cc0e7b6c9d2f65f2b1a9d8e7c6b5a4f3e2d1c0b9a88',
}

interface Start {
  readonly url: string
  readonly folder: string
  readonly logFile: string
  readonly env: Readonly<Record<string, string>>
}
/** Starts a server; resolves, once it answers, with what stops it. */
type Run = (start: Start) => Promise<() => Promise<void>>

const runAvocet: Run = async ({ url, logFile, env }) => {
  const service = await startService({
    name: 'Avocet',
    app: 'pds',
    args: [],
    url,
    healthPath: '/xrpc/_health',
    logFile,
    env: { ...env, PDS_HOST: 'localhost', ...pdsDatabaseEnvironment(env['PDS_DATA_DIRECTORY']!) },
  })
  return () => service.stop()
}

function runReference(reference: Reference & { ok: true }): Run {
  return ({ url, logFile, env }) => startReference(reference, url, logFile, env)
}
