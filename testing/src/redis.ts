/** A Redis of the machine, and the few lines of client that a test needs: https://redis.io/docs/latest/develop/reference/protocol-spec/ */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'

import { certificate, privateKey } from './certificate.ts'

const redisServer = process.env['REDIS_SERVER'] ?? 'redis-server'

/** Whether this machine has a Redis. */
export const hasRedis: boolean = spawnSync(redisServer, ['--version']).status === 0
if (!hasRedis) console.warn('SKIPPED: no redis-server on this machine; what is shared in Redis is not tested')

/** A running Redis, with a client. */
export interface TestRedis extends AsyncDisposable {
  readonly port: number
  /** Without the password, if there is one. */
  readonly url: string
  command(...words: readonly string[]): Promise<unknown>
  /** Runs a Lua script. */
  eval(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>
  /** Stops it from doing anything, its connections left open, and lets it go on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void
}

/** Options of {@link startRedis}. */
export interface TestRedisOptions {
  /** That of one that ran before. Default: a free one. */
  readonly port?: number
  readonly password?: string
  /** Speaks TLS, with the certificate of `certificate.ts`, at `localhost`. */
  readonly tls?: boolean
}

/** Starts the machine's redis-server. */
export async function startRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const { password, tls = false } = options
  const directory = await mkdtemp(join(tmpdir(), 'avocet-redis-'))
  const port = options.port ?? (await freePort())
  const [certFile, keyFile] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
  if (tls) {
    await writeFile(certFile, certificate)
    await writeFile(keyFile, privateKey)
  }
  const words = [
    ...(tls ? ['--port', '0', '--tls-port', String(port)] : ['--port', String(port)]),
    ...(tls ? ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-auth-clients', 'no'] : []),
    ...(tls ? ['--tls-ca-cert-file', certFile] : []),
    ...(password === undefined ? [] : ['--requirepass', password]),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--dir',
    directory,
  ]
  const server = spawn(redisServer, words, { stdio: 'ignore' })
  const exited = new Promise((resolve) => server.once('exit', resolve))
  const socket = await retry(() => open(port, tls))
  // The server may end before its client.
  socket.on('error', () => {})
  const waiting: { resolve: (value: unknown) => void; reject: (error: Error) => void }[] = []
  let buffer = ''
  socket.setEncoding('latin1')
  socket.on('data', (data: string) => {
    buffer += data
    for (let read = readReply(buffer); read !== null; read = readReply(buffer)) {
      buffer = buffer.slice(read.length)
      const { resolve, reject } = waiting.shift()!
      if (read.value instanceof Error) reject(read.value)
      else resolve(read.value)
    }
  })
  const command = (...parts: readonly string[]): Promise<unknown> => {
    socket.write(
      `*${parts.length}\r\n${parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')}`,
    )
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
  }
  if (password !== undefined) await command('AUTH', password)
  return {
    port,
    url: tls ? `rediss://localhost:${port}` : `redis://127.0.0.1:${port}`,
    signal: (name) => server.kill(name),
    command,
    eval: (script, keys, args) => command('EVAL', script, String(keys.length), ...keys, ...args),
    async [Symbol.asyncDispose]() {
      socket.destroy()
      server.kill('SIGKILL')
      await exited
      await rm(directory, { recursive: true, force: true })
    },
  }
}

interface Read {
  readonly value: unknown
  readonly length: number
}

function readReply(text: string): Read | null {
  const end = text.indexOf('\r\n')
  if (end === -1) return null
  const rest = text.slice(1, end)
  const length = end + 2
  if (text[0] === '+') return { value: rest, length }
  if (text[0] === ':') return { value: Number(rest), length }
  if (text[0] === '-') return { value: new Error(rest), length }
  if (text[0] === '$') {
    const size = Number(rest)
    if (size === -1) return { value: null, length }
    return text.length < length + size + 2
      ? null
      : { value: text.slice(length, length + size), length: length + size + 2 }
  }
  const items: unknown[] = []
  let at = length
  for (let i = 0; i < Number(rest); i++) {
    const item = readReply(text.slice(at))
    if (item === null) return null
    items.push(item.value)
    at += item.length
  }
  return { value: items, length: at }
}

function open(port: number, tls: boolean): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = tls
      ? connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca: certificate })
      : connect(port, '127.0.0.1')
    socket.once(tls ? 'secureConnect' : 'connect', () => resolve(socket))
    socket.once('error', reject)
  })
}

async function retry<T>(work: () => Promise<T>): Promise<T> {
  for (let left = 100; ; left -= 1) {
    try {
      return await work()
    } catch (error) {
      if (left === 0) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
