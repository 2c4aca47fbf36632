// The processes of a network: a did:plc directory, PDSes that are reached through front servers, a relay, and the indexer.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, type Service, startService } from '@avocet/network'
import { type MailSink, startMailSink } from '../side-by-side/mail-sink.ts'
import { type Front, startFront } from '../simulated/front.ts'
import { type Killable, launch } from '../simulated/indexer-process.ts'
import { createRelay, type Relay, type RelayOptions } from '../simulated/relay.ts'
import { createExports, type Exports } from './exports.ts'
import { createMeter, type Meter } from './usage.ts'

/** Kept by the relay for those who come back. */
const RELAY_BYTES = 128 * 1024 * 1024
/** A machine that is busy takes its time. */
const STARTING_MS = 120_000
export const ADMIN_PASSWORD = 'operator of all three'
export const TAP_PASSWORD = 'tap of the network'

/** A PDS: asked at `url` by who writes, and at its front by everybody else. */
export type Host = {
  readonly name: string
  readonly url: string
  readonly did: string
  readonly front: Front
  service: Service
  /** It was killed, and is not back yet. */
  isAway: boolean
  start(): Promise<void>
  /** `kill -9`. */
  kill(): Promise<void>
}

/** The network. The relay and the indexer are not started yet. */
export type World = {
  readonly folder: string
  readonly mail: MailSink
  readonly hosts: readonly Host[]
  readonly relay: Relay
  readonly exports: Exports
  readonly meter: Meter
  readonly plcUrl: string
  readonly indexer: {
    readonly url: string
    readonly folder: string
    readonly file: string
    /** Resolves when it serves. */
    start(): Promise<void>
    kill(): Promise<void>
    /** @returns its exit code */
    stop(): Promise<number | null>
  }
  /** The directory is killed, and started again after so long. */
  restartDirectory(afterMs: number): Promise<void>
  /** @param keep the folder stays */
  close(keep: boolean): Promise<void>
}

export type WorldOptions = {
  readonly hosts: number
  readonly pass: RelayOptions['pass']
  /** What is wanted, as flags of the indexer. */
  readonly wanted: readonly string[]
  readonly resyncSeconds: number
  /** Where its webhook is, and the secret of it. */
  readonly hook: { readonly url: string; readonly secret: string }
}

/** Starts directory and PDSes. */
export async function openWorld(options: WorldOptions): Promise<World> {
  await using opened = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'avocet-network-'))
  let keeps = false
  opened.defer(() => {
    if (!keeps) rmSync(folder, { recursive: true, force: true })
  })
  const meter = createMeter()
  const exports = createExports()
  const mail = await startMailSink()
  opened.defer(() => mail.close())
  const env = {
    PDS_DEV_MODE: 'true',
    PDS_INVITE_REQUIRED: 'false',
    PDS_ADMIN_PASSWORD: ADMIN_PASSWORD,
    PDS_EMAIL_SMTP_URL: mail.url,
    PDS_REQUEST_LOG: 'false',
    LOG_LEVEL: 'error',
  }
  const startApp = async (
    app: 'plc-directory' | 'pds',
    name: string,
    port: number,
    args: readonly string[],
    more: Readonly<Record<string, string>> = {},
  ): Promise<Service> => {
    const service = await startService({
      name,
      app,
      args: [...args, `--port=${port}`, '--host=127.0.0.1', `--data=${join(folder, name)}`],
      url: `http://127.0.0.1:${port}`,
      healthPath: app === 'pds' ? '/xrpc/_health' : '/_health',
      logFile: join(folder, `${name}.log`),
      env: { ...env, ...more },
      timeoutMs: STARTING_MS,
    })
    meter.note(name, service.process.pid!)
    return service
  }
  const killService = async (name: string, service: Service): Promise<void> => {
    meter.note(name, service.process.pid!)
    service.process.kill('SIGKILL')
    await service.ended
  }

  const plcPort = await freePort()
  const startPlc = (): Promise<Service> => startApp('plc-directory', 'plc', plcPort, ['--no-rate-limits'])
  let plc = await startPlc()
  opened.defer(() => plc.stop())
  const plcUrl = plc.url
  const openHost = async (index: number): Promise<Host> => {
    const name = `pds${'abcdef'[index]}`
    const port = await freePort()
    const front = opened.use(await startFront([port], exports.onAnswer))
    const did = `did:web:localhost%3A${port}`
    const start = (): Promise<Service> =>
      startApp('pds', name, port, [`--plc-url=${plcUrl}`], {
        PDS_PUBLIC_URL: front.url,
        PDS_SERVICE_DID: did,
      })
    const host: Host = {
      name,
      url: `http://127.0.0.1:${port}`,
      did,
      front,
      service: await start(),
      isAway: false,
      async start() {
        host.service = await start()
        host.isAway = false
      },
      async kill() {
        host.isAway = true
        await killService(name, host.service)
      },
    }
    opened.defer(() => host.service.stop())
    return host
  }
  const hosts: Host[] = []
  for (let i = 0; i < options.hosts; i++) hosts.push(await openHost(i))

  const relay = createRelay({
    port: await freePort(),
    upstream: hosts.map(({ url }) => ({ origin: url, fromOldest: false })),
    lists: hosts.map(({ url }) => url),
    firstSeq: 1_000_000,
    maxBytes: RELAY_BYTES,
    pass: options.pass,
  })
  opened.defer(() => relay.stop())
  const [port, data, hooks] = [await freePort(), join(folder, 'indexer'), join(folder, 'webhooks.json')]
  writeFileSync(
    hooks,
    JSON.stringify([
      { name: 'fold', url: options.hook.url, secrets: ['env:HOOK_SECRET'], allowLoopback: true },
    ]),
  )
  const flags = [
    'run',
    ...options.wanted,
    `--relay=${relay.url}`,
    // Of the first PDS it hears itself too.
    `--source=${hosts[0]!.front.url.replace('http', 'ws')}`,
    `--plc-url=${plcUrl}`,
    '--allow-loopback',
    '--tap',
    '--tap-retry-seconds=5',
    `--webhooks=${hooks}`,
    `--resync-seconds=${options.resyncSeconds}`,
    // Exports are counted: only those that are needed.
    '--audit-per-minute=0',
    `--data=${data}`,
    `--port=${port}`,
  ]
  let running: Killable | null = null
  const note = (): void => {
    if (running !== null) meter.note('indexer', running.pid)
  }
  opened.defer(() => running?.kill())
  const parts = opened.move()
  return {
    folder,
    mail,
    hosts,
    relay,
    exports,
    meter,
    plcUrl,
    indexer: {
      url: `http://127.0.0.1:${port}`,
      folder: data,
      file: join(data, 'indexer.sqlite'),
      async start() {
        running = launch(flags, join(folder, 'indexer.log'), {
          HOOK_SECRET: options.hook.secret,
          AVOCET_TAP_PASSWORD: TAP_PASSWORD,
        })
        meter.note('indexer', running.pid)
        await running.ready()
      },
      async kill() {
        note()
        await running?.kill()
      },
      async stop() {
        note()
        return (await running?.stop()) ?? null
      },
    },
    async restartDirectory(afterMs) {
      await killService('plc', plc)
      await new Promise((resolve) => setTimeout(resolve, afterMs))
      plc = await startPlc()
    },
    async close(keep) {
      keeps = keep
      await parts.disposeAsync()
    },
  }
}
