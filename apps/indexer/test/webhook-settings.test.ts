// The file of webhooks: what it may say, and that no secret of it is ever told.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createIndexer } from '../src/app.ts'
import { readWebhooks } from '../src/webhooks/settings.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'avocet-settings-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const read = (content: unknown, env: NodeJS.ProcessEnv = {}) => {
  const file = join(folder, 'webhooks.json')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return readWebhooks(file, env)
}
const hook = { name: 'a', url: 'https://example.com/x' }

test('is read, with secrets from the environment', () => {
  const full = {
    ...hook,
    format: 'tap',
    secrets: ['env:ONE', 'whsec_AAAA'],
    password: 'env:TWO',
    kinds: ['commit'],
    dids: ['did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'],
    collections: ['app.bsky.feed.*'],
    historical: false,
    start: 'live',
    tries: 3,
    timeoutSeconds: 5,
    maxEvents: 10,
    allowPrivate: true,
  }
  expect(read([full, { ...hook, name: 'b' }], { ONE: 'whsec_BBBB', TWO: 'geheim' })).toEqual([
    {
      ...hook,
      format: 'tap',
      secrets: ['whsec_BBBB', 'whsec_AAAA'],
      password: 'geheim',
      filter: {
        kinds: ['commit'],
        dids: ['did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'],
        collections: ['app.bsky.feed.*'],
      },
      historical: false,
      start: 'live',
      tries: 3,
      timeoutMs: 5000,
      maxEvents: 10,
      allowPrivate: true,
    },
    { name: 'b', url: hook.url, filter: {} },
  ])
})

test.each(['all', 'snapshot', 'oldest', 'live'])('begins with %s', (start) => {
  expect(read([{ ...hook, start }])).toMatchObject([{ start }])
})

test.each([
  ['{', 'Not JSON'],
  ['{}', 'Not a list'],
  [Array.from({ length: 33 }, (_, i) => ({ ...hook, name: `n${i}` })), 'at most 32'],
  [[1], 'not an object'],
  [[null], 'not an object'],
  [[hook, hook], 'Two webhooks have the name a'],
  [[{ ...hook, secret: 'whsec_geheim' }], 'unknown member secret'],
  [[{ ...hook, name: 'a/b' }], 'name:'],
  [[{ ...hook, url: 'ftp://x' }], 'url:'],
  [[{ name: 'a' }], 'url:'],
  [[{ ...hook, format: 'xml' }], 'format:'],
  [[{ ...hook, secrets: 'whsec_geheim' }], 'secrets: not a list of texts'],
  [[{ ...hook, password: 'env:NONE' }], 'NONE is not in the environment'],
  [[{ ...hook, kinds: ['post'] }], 'kinds'],
  [[{ ...hook, collections: ['app.bsky.fo*'] }], 'collections'],
  [[{ ...hook, tries: 0 }], 'tries:'],
  [[{ ...hook, maxEvents: 1001 }], 'maxEvents:'],
  [[{ ...hook, timeoutSeconds: 0.5 }], 'timeoutSeconds:'],
  [[{ ...hook, historical: 'no' }], 'historical:'],
  [[{ ...hook, start: 'then' }], 'start: not all, snapshot, oldest, live'],
  [[{ ...hook, start: 'snapshot', historical: false }], 'start: snapshot tells what was there'],
])('%j is refused', (content, message) => {
  expect(() => read(content)).toThrow(
    expect.objectContaining({ code: 'bad-config', message: expect.stringContaining(message) }),
  )
})

test('its secrets are in no message', async () => {
  const told = (run: () => unknown): string => {
    try {
      run()
      return 'nothing'
    } catch (error) {
      return String((error as Error).stack)
    }
  }
  expect(told(() => read('[{"secrets":["geheim"],}]'))).not.toContain('geheim')
  expect(told(() => read([{ ...hook, secrets: ['geheim', 7] }]))).not.toContain('geheim')
  await expect(
    createIndexer({
      dataFolder: null,
      host: '127.0.0.1',
      port: null,
      sources: [],
      plcUrl: 'http://127.0.0.1:1',
      collections: null,
      backfill: false,
      repos: [],
      allowLoopback: true,
      logRetentionMs: 1000,
      webhooks: [{ ...hook, secrets: ['geheim'] }],
    }),
  ).rejects.toMatchObject({ code: 'bad-config', message: expect.not.stringContaining('geheim') })
  expect(() => readWebhooks(join(folder, 'none'), {})).toThrow('Cannot read the webhooks')
})
