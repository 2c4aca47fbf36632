// What runs where there is no Node: the same contract as far as the platform lets it be kept.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { DidError } from '../src/index.ts'
import { createGuardedFetch } from '../src/guarded-fetch-web.ts'
import { createDefaultTxtLookup } from '../src/platform-web.ts'
import { startHttpServer, type TestServer } from './support/http-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startHttpServer((request, response) => {
    if (request.url !== '/silent') response.end('x')
  })
})
afterAll(() => server.close())

const codeOf = (promise: Promise<Response>): Promise<string> =>
  promise.then(
    (response) => response.text(),
    (error: unknown) => (error as DidError).code,
  )

it('refuses protocols and literal addresses', async () => {
  const fetch = createGuardedFetch()
  for (const url of ['http://example.com/', 'ftp://example.com/', 'no url', 'https://a:b@example.com/']) {
    expect(await codeOf(fetch(url)), url).toBe('blocked-protocol')
  }
  for (const host of ['127.0.0.1', '127.1', '10.0.0.1', '[::1]', '[fd00::1]', 'localhost', 'a.localhost']) {
    expect(await codeOf(fetch(`https://${host}/`)), host).toBe('blocked-address')
  }
})

it('reaches loopback for development, within its time and the caller’s', async () => {
  const fetch = createGuardedFetch({ allowLoopback: true })
  expect(await codeOf(fetch(server.url))).toBe('x')
  const hasty = createGuardedFetch({ allowLoopback: true, timeoutMs: 50 })
  expect(await codeOf(hasty(`${server.url}/silent`))).toBe('timeout')
  expect(await codeOf(fetch(server.url, { signal: AbortSignal.abort() }))).toBe('aborted')
  expect(await codeOf(fetch(server.url, { signal: AbortSignal.abort('a reason') }))).toBe('aborted')
  expect(await codeOf(fetch('http://127.0.0.1:1/'))).toBe('network')
})

it('imports nothing of Node', () => {
  const src = join(import.meta.dirname, '../src')
  const seen = new Set<string>()
  const queue = ['index.ts']
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    if (seen.has(file)) continue
    seen.add(file)
    const text = readFileSync(join(src, file), 'utf8').replaceAll('#platform', './platform-web.ts')
    const imported = Array.from(text.matchAll(/ from '([^']+)'/g), ([, name = '']) => name)
    expect(
      imported.filter((name) => name.startsWith('node:')),
      file,
    ).toEqual([])
    queue.push(...imported.filter((name) => name.startsWith('./')).map((name) => name.slice(2)))
  }
  expect(seen).toContain('guarded-fetch-web.ts')
})

it('asks DNS over HTTPS', () => {
  expect(createDefaultTxtLookup()).toBeTypeOf('function')
})
