// The router on Bun, Deno and Workers: the real programs, real sockets, and what they say on the wire.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { decodeFrame } from '@avocet/xrpc'
import { bundle } from '@avocet/testing/chromium'
import { Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'

const sample = JSON.stringify(join(import.meta.dirname, '../support/runtime-router.ts'))
const path = '/xrpc/com.example.count'
const JSON_STREAM = 'xrpc.v1.json'

interface Running extends AsyncDisposable {
  readonly url: string
}

async function codeOf(source: string): Promise<string> {
  const [chunk] = await bundle(source, { folder: import.meta.dirname })
  return chunk!.code
}

/** The program of a platform, as its package brings it: no script of theirs has to run for that. */
function programOf(name: string, file: string): string | null {
  const beside = createRequire(createRequire(import.meta.url).resolve(`${name}/package.json`))
  const platforms: Record<string, string> = {
    'bun linux x64': '@oven/bun-linux-x64',
    'bun linux arm64': '@oven/bun-linux-aarch64',
    'bun darwin arm64': '@oven/bun-darwin-aarch64',
    'deno linux x64': '@deno/linux-x64-glibc',
    'deno linux arm64': '@deno/linux-arm64-glibc',
    'deno darwin arm64': '@deno/darwin-arm64',
  }
  try {
    const folder = platforms[`${name} ${process.platform} ${process.arch}`] ?? ''
    const found = join(dirname(beside.resolve(`${folder}/package.json`)), file)
    return existsSync(found) ? found : null
  } catch {
    return null
  }
}

/** A program that serves, and says on which port. */
async function startProgram(program: string, args: readonly string[], source: string): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'avocet-runtime-'))
  const file = join(folder, 'server.mjs')
  await writeFile(file, await codeOf(source))
  const child = spawn(program, [...args, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { HOME: folder },
  })
  const port = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.stdout.on('data', (data: Buffer) => {
      text += data.toString()
      const found = /port=(\d+)/.exec(text)
      if (found !== null) resolve(found[1]!)
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`ended; code=${code}`)))
  })
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = new Promise((resolve) => child.once('exit', resolve))
        child.kill('SIGKILL')
        await exited
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const bun = programOf('bun', 'bin/bun')
const deno = programOf('deno', 'deno')
const platforms = [
  {
    name: 'Bun',
    isThere: bun !== null,
    tellsBuffered: true,
    start: () =>
      startProgram(
        bun!,
        [],
        `import { createSample } from ${sample}
         import { bunHandler } from '@avocet/xrpc-server/bun'
         const server = Bun.serve({ port: 0, hostname: '127.0.0.1', ...bunHandler(createSample()) })
         console.log('port=' + server.port)`,
      ),
  },
  {
    name: 'Deno',
    isThere: deno !== null,
    tellsBuffered: true,
    start: () =>
      startProgram(
        deno!,
        ['run', '--no-config', '--no-remote', '--allow-net=127.0.0.1'],
        `import { createSample } from ${sample}
         import { denoHandler } from '@avocet/xrpc-server/deno'
         const onListen = ({ port }) => console.log('port=' + port)
         Deno.serve({ port: 0, hostname: '127.0.0.1', onListen }, denoHandler(createSample()))`,
      ),
  },
  {
    name: 'Workers',
    isThere: true,
    tellsBuffered: false,
    start: async (): Promise<Running> => {
      const script = await codeOf(
        `import { createSample } from ${sample}
         import { workersHandler } from '@avocet/xrpc-server/workers'
         export default { fetch: workersHandler(createSample()) }`,
      )
      const worker = new Miniflare({
        modules: true,
        script,
        compatibilityDate: '2026-01-01',
        host: '127.0.0.1',
      })
      const url = await worker.ready
      return { url: url.origin, [Symbol.asyncDispose]: () => worker.dispose() }
    },
  },
]

for (const { name, isThere, tellsBuffered } of platforms) {
  if (!isThere) console.warn(`skipped: ${name} is not there for ${process.platform} ${process.arch}`)
  if (!tellsBuffered)
    console.warn(`skipped: who does not read, on ${name}, which tells nobody what waits to be sent`)
}

interface Heard {
  readonly protocol: string
  readonly messages: unknown[]
  readonly code: number
}

function hear(url: string, query = '', offered: string[] = []): Promise<Heard> {
  const ws = new WebSocket(url.replace('http', 'ws') + path + query, offered)
  const messages: unknown[] = []
  let protocol = ''
  ws.on('open', () => (protocol = ws.protocol))
  ws.on('message', (data: Buffer, isBinary) => {
    const frame = isBinary ? decodeFrame(data) : null
    messages.push(frame === null ? JSON.parse(data.toString()) : frame.ok ? frame.value : frame.error)
  })
  return new Promise((resolve, reject) => {
    ws.on('error', reject)
    ws.on('close', (code) => resolve({ protocol, messages, code }))
  })
}

describe.each(platforms)('on $name', ({ isThere, start, tellsBuffered }) => {
  let server: Running
  const seen = async (): Promise<{ produced: number; ended: number; open: number; address: string | null }> =>
    (await (await fetch(`${server.url}/xrpc/com.example.seen`)).json()) as never
  beforeAll(async () => {
    if (isThere) server = await start()
  })
  afterAll(() => server?.[Symbol.asyncDispose]())

  it.skipIf(!isThere)('calls are answered, and refused by their names', async () => {
    const response = await fetch(`${server.url}/xrpc/com.example.seen`)
    expect(response.status).toBe(200)
    if (tellsBuffered) expect(((await response.json()) as { address: string }).address).toBe('127.0.0.1')
    const unknown = await fetch(`${server.url}/xrpc/com.example.nothing`)
    expect([unknown.status, ((await unknown.json()) as { error: string }).error]).toEqual([
      501,
      'MethodNotImplemented',
    ])
  })

  it.skipIf(!isThere)('a subscription sends frames and closes', async () => {
    const numbers = [1, 2, 3]
    expect(await hear(server.url)).toEqual({
      protocol: '',
      messages: numbers.map((n) => ({ kind: 'message', type: '#number', body: { n } })),
      code: 1000,
    })
    expect(await hear(server.url, '', [JSON_STREAM])).toEqual({
      protocol: JSON_STREAM,
      messages: numbers.map((n) => ({ $type: 'message', payload: { n, $type: 'com.example.count#number' } })),
      code: 1000,
    })
  })

  it.skipIf(!isThere)('a failure is an error frame, a wrong path an answer', async () => {
    expect(await hear(server.url, '?count=-1')).toEqual({
      protocol: '',
      messages: [{ kind: 'error', error: 'FutureCursor', message: 'later' }],
      code: 1008,
    })
    const ws = new WebSocket(`${server.url.replace('http', 'ws')}/xrpc/com.example.seen`)
    const status = await new Promise((resolve) => {
      ws.on('error', () => {})
      ws.on('unexpected-response', (_, response) => resolve(response.statusCode))
    })
    expect(status).toBe(501)
    ws.terminate()
  })

  it.skipIf(!isThere)('a subscriber who says goodbye ends the handler', async () => {
    const before = await seen()
    const ws = new WebSocket(`${server.url.replace('http', 'ws')}${path}?count=1000000`)
    await new Promise((resolve) => ws.once('message', resolve))
    expect((await seen()).open).toBe(before.open + 1)
    ws.close()
    await expect.poll(async () => (await seen()).ended, { timeout: 10_000 }).toBe(before.ended + 1)
  })

  it.skipIf(!isThere)('a subscriber whose connection breaks off costs nothing more', async () => {
    const before = (await seen()).open
    const ws = new WebSocket(`${server.url.replace('http', 'ws')}${path}?count=1000000`)
    await new Promise((resolve) => ws.once('message', resolve))
    ws.terminate()
    // Workers end the handler without a word: what was counted stays so, yet nothing is made any more.
    if (tellsBuffered) await expect.poll(async () => (await seen()).open, { timeout: 10_000 }).toBe(before)
    await delay(500)
    const { produced } = await seen()
    await delay(500)
    expect((await seen()).produced).toBe(produced)
  })

  it.skipIf(!isThere || !tellsBuffered)('a subscriber who does not read holds back the handler', async () => {
    const before = (await seen()).produced
    const ws = new WebSocket(`${server.url.replace('http', 'ws')}${path}?count=300&size=200000`)
    await new Promise((resolve) => ws.once('message', resolve))
    ws.pause()
    await delay(1500)
    const after = (await seen()).produced
    await delay(500)
    expect((await seen()).produced).toBe(after)
    // Of 60 MB a few are on the way: in the system's buffers, and what the router lets wait.
    expect(after - before).toBeLessThan(150)
    const all = new Promise<number>((resolve) => ws.on('close', resolve))
    ws.resume()
    expect(await all).toBe(1000)
    expect((await seen()).produced - before).toBe(300)
  })
})
