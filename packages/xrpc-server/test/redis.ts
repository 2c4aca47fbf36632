/** A Redis of the machine, and the few lines of client that a test needs: https://redis.io/docs/latest/develop/reference/protocol-spec/ */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RedisEval } from '../src/index.ts'

/** The machine's Redis. */
export const redisServer: string = process.env['REDIS_SERVER'] ?? 'redis-server'

/** A running Redis, with a client. */
export interface TestRedis extends RedisEval, AsyncDisposable {
  readonly port: number
  readonly url: string
  command(...words: readonly string[]): Promise<unknown>
}

/** Starts the machine's redis-server. @param port of one that ran before */
export async function startRedis(port?: number): Promise<TestRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'avocet-redis-'))
  port ??= await freePort()
  const words = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', directory]
  const server = spawn(redisServer, words, { stdio: 'ignore' })
  const exited = new Promise((resolve) => server.once('exit', resolve))
  const socket = await retry(() => open(port))
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
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    command,
    eval: (script, keys, args) => command('EVAL', script, String(keys.length), ...keys, ...args),
    async [Symbol.asyncDispose]() {
      socket.destroy()
      server.kill()
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

function open(port: number): Promise<import('node:net').Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(socket))
    socket.once('error', reject)
  })
}

async function retry<T>(work: () => Promise<T>): Promise<T> {
  for (let left = 100; ; left -= 1) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- until the server is up
      return await work()
    } catch (error) {
      if (left === 0) throw error
      // oxlint-disable-next-line no-await-in-loop
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
