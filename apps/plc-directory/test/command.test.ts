import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const main = join(import.meta.dirname, '../src/main.ts')
const folder = mkdtempSync(join(tmpdir(), 'avocet-plc-command-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Run {
  readonly out: () => string
  readonly ready: Promise<string>
  readonly ended: Promise<{ code: number | null; out: string; err: string }>
  stop(signal: NodeJS.Signals): void
}

function run(args: string[], env: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [main, ...args], { cwd: folder, env: { ...process.env, ...env } })
  let out = ''
  let err = ''
  const { promise: ready, resolve, reject } = Promise.withResolvers<string>()
  ready.catch(() => undefined)
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString()
    const url = /ready at (http:\/\/\S+)/.exec(out)?.[1]
    if (url !== undefined) resolve(url)
  })
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const ended = new Promise<{ code: number | null; out: string; err: string }>((done) => {
    child.once('exit', (code) => {
      reject(new Error(`ended before it was ready: ${err}`))
      done({ code, out, err })
    })
  })
  return { out: () => out, ready, ended, stop: (signal) => child.kill(signal) }
}

describe('avocet-plc', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'starts, prints one line, answers, and stops cleanly on %s',
    async (signal) => {
      const process = run(['--port', '0', '--data', join(folder, signal)])
      const url = await process.ready
      expect((await fetch(`${url}/_health`)).status).toBe(200)
      process.stop(signal)
      const { code, out, err } = await process.ended
      expect({ code, err, lines: out.trim().split('\n').length }).toEqual({ code: 0, err: '', lines: 1 })
    },
  )

  it('takes its options from the environment', async () => {
    const process = run([], { PLC_PORT: '0', PLC_HOST: 'localhost', PLC_DATA_DIRECTORY: join(folder, 'env') })
    expect(await process.ready).toMatch(/^http:\/\/localhost:\d+$/)
    expect(process.out()).toContain(join(folder, 'env', 'plc.sqlite'))
    process.stop('SIGTERM')
    expect((await process.ended).code).toBe(0)
  })

  it('says in one line that the port is in use', async () => {
    const holder = createServer()
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
    const { port } = holder.address() as AddressInfo
    const { code, out, err } = await run(['--port', String(port), '--memory']).ended
    holder.close()
    expect({ code, out, err }).toEqual({
      code: 1,
      out: '',
      err: `avocet-plc: port ${port} of 127.0.0.1 is in use\n`,
    })
  })

  it('says in one line that the data cannot be used', async () => {
    const file = join(folder, 'a-file')
    writeFileSync(file, 'not a directory')
    const nested = await run(['--port', '0', '--data', join(file, 'x')]).ended
    expect(nested.code).toBe(1)
    expect(nested.err).toMatch(/^avocet-plc: cannot use the database .*\n$/)
    writeFileSync(join(folder, 'plc.sqlite'), 'this is no database, whatever its name says'.repeat(50))
    const broken = await run(['--port', '0', '--data', folder]).ended
    expect(broken.code).toBe(1)
    expect(broken.err).toMatch(/^avocet-plc: cannot use the database .*\n$/)
  })

  it('refuses a port that is none', async () => {
    const { code, err } = await run(['--port', '70000']).ended
    expect(code).toBe(1)
    expect(err).toContain('not a port')
  })
})
