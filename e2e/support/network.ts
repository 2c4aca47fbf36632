// A whole network in a temporary folder: did:plc directory, PDS and indexer as real processes on free ports.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { freePort, type Service, startService } from '@avocet/network'
import { pdsDatabaseEnvironment } from '@avocet/testing/pds-store'

export type Network = {
  readonly folder: string
  readonly plc: Service
  pds: Service
  indexer: Service
  startPds(): Promise<Service>
  startIndexer(): Promise<Service>
  stop(): Promise<void>
}

/** Starts all three. `stop` ends them and removes the folder. @param indexerFlags more of them for the indexer */
export async function startNetwork(indexerFlags: readonly string[] = []): Promise<Network> {
  const folder = mkdtempSync(join(tmpdir(), 'avocet-e2e-'))
  const ports = { plc: await freePort(), pds: await freePort(), indexer: await freePort() }
  const start = (
    app: 'plc-directory' | 'pds' | 'indexer',
    name: keyof typeof ports,
    args: readonly string[],
    healthPath: string,
  ): Promise<Service> =>
    startService({
      name,
      app,
      args: [...args, `--port=${ports[name]}`, '--host=127.0.0.1', `--data=${join(folder, name)}`],
      url: `http://127.0.0.1:${ports[name]}`,
      healthPath,
      logFile: join(folder, `${name}.log`),
      env: {
        PDS_DEV_MODE: 'true',
        PDS_INVITE_REQUIRED: 'false',
        ...pdsDatabaseEnvironment(folder),
      },
    })

  const plc = await start('plc-directory', 'plc', [], '/_health')
  const startPds = (): Promise<Service> => start('pds', 'pds', [`--plc-url=${plc.url}`], '/xrpc/_health')
  const startIndexer = (): Promise<Service> =>
    start(
      'indexer',
      'indexer',
      [
        'run',
        '--everything',
        `--source=ws://127.0.0.1:${ports.pds}`,
        `--plc-url=${plc.url}`,
        '--allow-loopback',
        ...indexerFlags,
      ],
      '/xrpc/_health',
    )
  const network: Network = {
    folder,
    plc,
    pds: await startPds(),
    indexer: await startIndexer(),
    startPds,
    startIndexer,
    async stop() {
      await Promise.all([network.indexer.stop(), network.pds.stop()])
      await plc.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return network
}

/** One XRPC answer: the status and the parsed body (null where there is none). */
export type Answer<T> = { status: number; body: T }

/** A query (GET). */
export async function query<T>(
  service: string,
  method: string,
  params: Record<string, string | number | undefined>,
): Promise<Answer<T>> {
  const search = new URLSearchParams(
    Object.entries(params).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])),
  )
  return answer(await fetch(`${service}/xrpc/${method}?${search}`, { signal: AbortSignal.timeout(20_000) }))
}

/** A procedure (POST) with a JSON body, or with bytes and their MIME type. */
export async function procedure<T>(
  service: string,
  method: string,
  input: unknown,
  options: { token?: string; encoding?: string } = {},
): Promise<Answer<T>> {
  const bytes = input instanceof Uint8Array
  return answer(
    await fetch(`${service}/xrpc/${method}`, {
      method: 'POST',
      headers: {
        'content-type': options.encoding ?? 'application/json',
        ...(options.token ? { authorization: `Bearer ${options.token}` } : {}),
      },
      body: bytes ? new Uint8Array(input) : JSON.stringify(input),
      signal: AbortSignal.timeout(20_000),
    }),
  )
}

async function answer<T>(response: Response): Promise<Answer<T>> {
  const text = await response.text()
  return { status: response.status, body: (text ? JSON.parse(text) : null) as T }
}
