// A network of one: a did:plc directory, a PDS and an indexer, each its own process, with two demo accounts.
//
//   npm start
//   npm start -- --data /var/lib/avocet --pds-port 8080
import { spawn } from 'node:child_process'
import { accessSync, constants, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

import { ensureDemo, waitUntilIndexed } from './demo.ts'
import { isPortFree, type Service, ServiceFailed, startService } from './services.ts'

const HOST = '127.0.0.1'
const root = join(import.meta.dirname, '../../..')

const HELP = `npm start -- [flags]

Starts a local did:plc directory, a PDS and a firehose indexer, and makes two demo accounts on the first run.

  --data <folder>        where everything is kept            (AVOCET_DATA, ./data)
  --plc-port <port>      port of the did:plc directory       (AVOCET_PLC_PORT, 2582)
  --pds-port <port>      port of the PDS                     (AVOCET_PDS_PORT, 2583)
  --indexer-port <port>  port of the indexer and its page    (AVOCET_INDEXER_PORT, 2584)
  --no-demo              make no demo accounts
  --help                 this text

Stop with Ctrl-C; the next start goes on from the same state. Delete the data folder to begin anew.`

const services: Service[] = []
let lockFile: string | null = null
let stopping = false

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (stopping) return
    console.log('\nstopping …')
    void end(0)
  })
}

try {
  await main()
} catch (error) {
  // A signal during start-up makes requests in flight fail: that is no fault to report.
  if (!stopping) {
    const tail = error instanceof ServiceFailed && error.tail ? `\n${error.tail}` : ''
    console.error(`avocet: ${error instanceof Error ? error.message : String(error)}${tail}`)
    await end(1)
  }
}

async function main(): Promise<void> {
  const options = readOptions()
  const { data, ports } = options
  claimDataFolder(data)
  for (const [name, port] of Object.entries(ports)) {
    if (!(await isPortFree(port, HOST))) {
      throw new Error(
        `port ${port} is in use; stop what uses it or choose another with --${name}-port <port> (see npm start -- --help)`,
      )
    }
  }

  const begun = performance.now()
  await step('lexicons', () => run('turbo', ['run', 'generate', '--output-logs=errors-only']))
  const url = (port: number): string => `http://${HOST}:${port}`
  const log = (name: string): string => join(data, 'logs', `${name}.log`)
  const plc = await step('did:plc directory', () =>
    start({
      name: 'the did:plc directory',
      app: 'plc-directory',
      args: ['--port', String(ports.plc), '--host', HOST, '--data', join(data, 'plc')],
      url: url(ports.plc),
      healthPath: '/_health',
      logFile: log('plc'),
    }),
  )
  const pds = await step('PDS', () =>
    start({
      name: 'the PDS',
      app: 'pds',
      args: ['--port', String(ports.pds), '--host', HOST, '--data', join(data, 'pds'), '--plc-url', plc.url],
      url: url(ports.pds),
      healthPath: '/xrpc/_health',
      logFile: log('pds'),
      env: { PDS_DEV_MODE: 'true', PDS_INVITE_REQUIRED: 'false' },
    }),
  )
  const indexer = await step('indexer', () =>
    start({
      name: 'the indexer',
      app: 'indexer',
      args: [
        'run',
        '--everything',
        `--port=${ports.indexer}`,
        `--host=${HOST}`,
        `--data=${join(data, 'indexer')}`,
        `--source=${pds.url.replace('http', 'ws')}`,
        `--plc-url=${plc.url}`,
        '--allow-loopback',
      ],
      url: url(ports.indexer),
      healthPath: '/xrpc/_health',
      logFile: log('indexer'),
    }),
  )
  const accounts = options.demo
    ? await step('demo accounts', async () => {
        const made = await ensureDemo(pds.url, join(data, 'demo.json'))
        if (!(await waitUntilIndexed(indexer.url, made, 20_000))) {
          throw new Error(`the indexer did not show the demo records in time; see ${log('indexer')}`)
        }
        return made
      })
    : []

  const actor = accounts[0]?.handle ?? 'alice.test'
  const did = accounts[0]?.did ?? '<did>'
  console.log(`
ready in ${((performance.now() - begun) / 1000).toFixed(1)} s

  did:plc directory  ${plc.url}
  PDS                ${pds.url}
  indexer            ${indexer.url}   ← open this page: verified records as they come
${accounts.map((account) => `  account            ${account.handle}  password ${account.password}  ${account.did}`).join('\n')}

try:
  curl '${pds.url}/xrpc/com.atproto.identity.resolveHandle?handle=${actor}'
  curl '${indexer.url}/xrpc/com.atproto.repo.listRecords?repo=${did}&collection=app.bsky.feed.post'
  curl '${indexer.url}/xrpc/com.atproto.sync.getRepoStatus?did=${did}'

state and logs: ${data}
Ctrl-C stops everything.`)
}

function readOptions(): { data: string; ports: Record<'plc' | 'pds' | 'indexer', number>; demo: boolean } {
  let values
  try {
    ;({ values } = parseArgs({
      options: {
        data: { type: 'string' },
        'plc-port': { type: 'string' },
        'pds-port': { type: 'string' },
        'indexer-port': { type: 'string' },
        'no-demo': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }))
  } catch (error) {
    throw new Error(`${(error as Error).message.split('. ')[0]}; see npm start -- --help`, { cause: error })
  }
  if (values.help) {
    console.log(HELP)
    process.exit(0)
  }
  const port = (flag: string | undefined, variable: string, fallback: number): number => {
    const text = flag ?? process.env[variable] ?? String(fallback)
    const value = Number(text)
    if (!Number.isInteger(value) || value < 1 || value > 65_535) {
      throw new Error(`a port is a number from 1 to 65535; got ${text}`)
    }
    return value
  }
  return {
    data: resolve(root, values.data ?? process.env['AVOCET_DATA'] ?? 'data'),
    ports: {
      plc: port(values['plc-port'], 'AVOCET_PLC_PORT', 2582),
      pds: port(values['pds-port'], 'AVOCET_PDS_PORT', 2583),
      indexer: port(values['indexer-port'], 'AVOCET_INDEXER_PORT', 2584),
    },
    demo: !values['no-demo'],
  }
}

/** One network per data folder: the lock file holds the process id of its owner. */
function claimDataFolder(data: string): void {
  try {
    mkdirSync(data, { recursive: true })
    if (!statSync(data).isDirectory()) throw new Error('not a folder')
    accessSync(data, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new Error(
      `the data folder cannot be used; path=${data} reason=${(error as Error).message}. Choose another with --data <folder>`,
      { cause: error },
    )
  }
  const file = join(data, 'avocet.pid')
  for (let attempt = 0; ; attempt += 1) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' })
      lockFile = file
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 0) throw error
      const owner = Number(readFileSync(file, 'utf8'))
      if (owner > 0 && owner !== process.pid && isRunning(owner)) {
        throw new Error(
          `the data folder is in use by a running network; path=${data} process=${owner}. Stop it, or choose another with --data <folder>`,
          { cause: error },
        )
      }
      rmSync(file, { force: true })
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function start(options: Parameters<typeof startService>[0]): Promise<Service> {
  const service = await startService(options)
  services.push(service)
  void service.ended.then(({ code, signal }) => {
    if (stopping) return
    console.error(
      `avocet: ${service.name} ended unexpectedly; code=${code} signal=${signal} log=${options.logFile}`,
    )
    void end(1)
  })
  return service
}

async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const begun = performance.now()
  process.stdout.write(`  ${`${name} …`.padEnd(22)}`)
  try {
    const value = await work()
    process.stdout.write(`${((performance.now() - begun) / 1000).toFixed(1)} s\n`)
    return value
  } catch (error) {
    process.stdout.write('failed\n')
    throw error
  }
}

/** Stops what runs, last started first, so that nobody writes to a service that has gone. */
async function end(code: number): Promise<void> {
  stopping = true
  for (const service of services.toReversed()) await service.stop()
  if (lockFile) rmSync(lockFile, { force: true })
  process.exit(code)
}

function run(name: string, args: readonly string[]): Promise<void> {
  return new Promise((done, failed) => {
    const child = spawn(join(root, 'node_modules', '.bin', name), args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', failed)
    child.on('exit', (code) =>
      code === 0 ? done() : failed(new Error(`${name} ${args.join(' ')} failed\n${output.trimEnd()}`)),
    )
  })
}
