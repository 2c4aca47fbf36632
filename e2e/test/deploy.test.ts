// What the Dockerfile and the unit do, without Docker and systemd: the app in a folder of its own, run from there; and the
// Caddyfile in front of it, with certificates of its own authority.
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import { freePort, startService, type Service } from '@avocet/network'
import { onlySqlite, pdsDatabaseEnvironment } from '@avocet/testing/pds-store'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket, type ClientOptions } from 'ws'

const root = join(import.meta.dirname, '../..')
const hostname = 'pds.example.com'
let work: string
let app: string
let plc: Service
let port: number
let settings: Record<string, string>

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'avocet-deploy-'))
  app = join(work, 'app')
  execFileSync(process.execPath, [join(root, 'scripts/deploy.ts'), 'pds', app], { stdio: 'pipe' })
  const plcPort = await freePort()
  plc = await startService({
    name: 'plc',
    app: 'plc-directory',
    args: [`--port=${plcPort}`, '--host=127.0.0.1', `--data=${join(work, 'plc')}`],
    url: `http://127.0.0.1:${plcPort}`,
    healthPath: '/_health',
    logFile: join(work, 'plc.log'),
    env: {},
  })
  port = await freePort()
  settings = {
    PDS_HOSTNAME: hostname,
    PDS_PORT: String(port),
    PDS_HOST: '::',
    PDS_DATA_DIRECTORY: join(work, 'data'),
    PDS_DID_PLC_URL: plc.url,
    PDS_ADMIN_PASSWORD: 'operator-password',
    LOG_LEVEL: 'warn',
    ...pdsDatabaseEnvironment(join(work, 'data')),
  }
  const first = await start()
  const made = command('account', 'create', `alice.${hostname}`, 'alice@example.com')
  if (made.status !== 0) throw new Error(`no account: ${made.stderr}`)
  await stop(first)
}, 120_000)
afterAll(async () => {
  await plc?.stop()
  rmSync(work, { recursive: true, force: true })
})

/** Runs the deployed program with nothing of this shell's environment. */
const start = async (): Promise<ChildProcess> => {
  const child = spawn(process.execPath, [join(app, 'dist/main.js')], { cwd: work, env: settings })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  expect(line.toString()).toContain('avocet-pds is ready at')
  return child
}
const stop = async (child: ChildProcess): Promise<number | null> => {
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const [code] = (await ended) as [number | null]
  return code
}
const command = (...args: string[]) =>
  spawnSync(process.execPath, [join(app, 'dist/main.js'), ...args], {
    cwd: work,
    env: settings,
    encoding: 'utf8',
  })

/** The check of the image, as the Dockerfile has it, by the Node of these tests. */
function healthCheck(): number | null {
  const [, json] = /^HEALTHCHECK[^[]*CMD (\[.*\])$/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8'))!
  const [program, ...args] = JSON.parse(json!) as string[]
  expect(program).toBe('node')
  return spawnSync(process.execPath, args, { env: { PDS_PORT: String(port) } }).status
}

/** The Caddyfile on a free port, with an authority of its own in place of the public one. */
async function startCaddy(): Promise<{ child: ChildProcess; port: number }> {
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: work,
    XDG_DATA_HOME: join(work, 'caddy'),
    XDG_CONFIG_HOME: join(work, 'caddy'),
    PDS_HOSTNAME: hostname,
    PDS_UPSTREAM: `127.0.0.1:${port}`,
  }
  const adapted = execFileSync('caddy', ['adapt', '--config', join(root, 'deploy/pds/Caddyfile')], { env })
  const config = JSON.parse(adapted.toString())
  const tlsPort = await freePort()
  const [server] = Object.values(config.apps.http.servers) as any[]
  server.listen = [`127.0.0.1:${tlsPort}`]
  server.automatic_https = { disable_redirects: true }
  config.admin = { disabled: true }
  config.apps.pki = { certificate_authorities: { local: { install_trust: false } } }
  for (const policy of config.apps.tls.automation.policies) policy.issuers = [{ module: 'internal' }]
  const path = join(work, 'caddy.json')
  writeFileSync(path, JSON.stringify(config))
  const child = spawn('caddy', ['run', '--config', path], { env })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
  for (let wait = 0; wait < 100 && !log.includes('serving initial configuration'); wait++) {
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return { child, port: tlsPort }
}

/** A GET by TLS for a name, sent to this machine. */
const get = (tlsPort: number, name: string, path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: tlsPort, path, servername: name, headers: { host: name } }
    // The authority is made for this test; that it vouches for the name is what counts.
    const sent = request({ ...options, rejectUnauthorized: false, agent: false }, (response) => {
      text(response).then((body) => resolve(`${response.statusCode} ${body}`), reject)
    })
    sent.on('error', reject)
    sent.end()
  })

test('the deployed PDS runs from its folder, is healthy, and takes its commands', async () => {
  expect(healthCheck()).toBe(1)
  const child = await start()
  try {
    expect(healthCheck()).toBe(0)
    expect(command('account', 'list').stdout).toContain(`alice.${hostname}`)
    // The names of the house are all of the folder: nothing leads back to the workspace.
    const manifest = readFileSync(join(app, 'package.json'), 'utf8')
    expect(manifest).not.toContain('src/')
    expect(readdirSync(app)).not.toContain('src')
  } finally {
    expect(await stop(child)).toBe(0)
  }
})

test('the command of the host takes the settings of the unit, the file of the operator last', async () => {
  copyFileSync(join(root, 'deploy/pds/defaults.env'), join(app, 'defaults.env'))
  const file = join(work, 'pds.env')
  writeFileSync(
    file,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  const child = await start()
  try {
    const run = spawnSync(join(root, 'deploy/pds/avocet-pds'), ['account', 'list'], {
      encoding: 'utf8',
      env: {
        PATH: process.env['PATH'] ?? '',
        AVOCET_APP: app,
        AVOCET_SETTINGS: file,
        AVOCET_NODE: process.execPath,
        AVOCET_USER: userInfo().username,
      },
    })
    expect([run.status, run.stderr]).toEqual([0, ''])
    expect(run.stdout).toContain(`alice.${hostname}`)
  } finally {
    await stop(child)
  }
})

test.skipIf(onlySqlite('a backup is of a data directory'))(
  'the nightly backup is checked, and as many are kept as were asked for',
  async () => {
    const child = await start()
    try {
      const folder = join(work, 'backups')
      for (let night = 0; night < 3; night++) {
        const run = spawnSync('/bin/sh', [join(root, 'deploy/pds/nightly-backup.sh'), folder, '2'], {
          encoding: 'utf8',
          env: {
            ...settings,
            PATH: process.env['PATH'] ?? '',
            AVOCET_COMMAND: `${process.execPath} ${join(app, 'dist/main.js')}`,
          },
        })
        expect([run.status, run.stderr]).toEqual([0, ''])
        expect(run.stdout).toContain('ok: 1 account, 0 blobs, made at ')
        // Their names are times, to the second.
        await new Promise((resolve) => setTimeout(resolve, 1100))
      }
      expect(readdirSync(folder)).toHaveLength(2)
    } finally {
      await stop(child)
    }
  },
  60_000,
)

const caddy = spawnSync('caddy', ['version']).status === 0
if (!caddy) console.warn('SKIPPED: no caddy on this machine; the Caddyfile is not tried')

test.skipIf(!caddy)(
  'Caddy orders certificates for the server and its handles alone, and passes WebSockets on',
  async () => {
    const child = await start()
    const front = await startCaddy()
    try {
      expect(await get(front.port, hostname, '/xrpc/_health')).toMatch(/^200 \{"version":"avocet-pds /)
      expect(await get(front.port, `alice.${hostname}`, '/.well-known/atproto-did')).toMatch(/^200 did:plc:/)
      await expect(get(front.port, `nobody.${hostname}`, '/.well-known/atproto-did')).rejects.toThrow(/alert/)
      await expect(get(front.port, 'other.example.org', '/')).rejects.toThrow(/alert/)
      const options: ClientOptions & { servername: string } = {
        servername: hostname,
        headers: { host: hostname },
        rejectUnauthorized: false,
      }
      const path = '/xrpc/com.atproto.sync.subscribeRepos?cursor=0'
      const socket = new WebSocket(`wss://127.0.0.1:${front.port}${path}`, options)
      const [frame] = (await once(socket, 'message')) as [Buffer]
      expect(frame.length).toBeGreaterThan(0)
      socket.close()
    } finally {
      const ended = once(front.child, 'exit')
      front.child.kill('SIGTERM')
      await ended
      await stop(child)
    }
  },
  60_000,
)
