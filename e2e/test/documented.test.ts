// Examples in docstrings whose parts are in several packages: they stand here as they stand there, are type-checked and run.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { createKeypair } from '@avocet/crypto'
import { applyWrites, createMemoryRepoStore, exportRepo, prepareWrite, readRepo } from '@avocet/repo'
import { createTidClock } from '@avocet/syntax'
import { createClient, getRepo, unwrap } from '@avocet/xrpc-client'
import { expect, test } from 'vitest'

/** The lines of an example of a docstring. */
async function exampleOf(file: string, export_: string): Promise<string[]> {
  const text = await readFile(new URL(`../../packages/${file}`, import.meta.url), 'utf8')
  const docstring = text
    .slice(0, text.indexOf(`export async function ${export_}(`))
    .split('/**')
    .at(-1)!
  return docstring
    .split('@example\n')[1]!
    .split('\n')
    .map((line) => line.replace(/^ \* ?/, '').trim())
    .filter((line) => line !== '' && line !== '*/')
}

test('getRepo: a repository is downloaded and read', async () => {
  const did = 'did:web:alice.example.com'
  const signer = createKeypair()
  const key = signer.publicKey
  const store = createMemoryRepoStore()
  const hello = { $type: 'com.example.note', text: 'hello' }
  const write = prepareWrite({ action: 'create', collection: 'com.example.note', rkey: 'a', record: hello })
  const rev = createTidClock().next()
  await store.apply((await applyWrites({ did, store, head: null, signer, rev, writes: [write] }))!)
  const server = createServer((_, response) => void Readable.from(exportRepo(store, did)).pipe(response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = createClient({ service: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  const printed: unknown[][] = []
  const console = { log: (...values: unknown[]) => printed.push(values) }
  try {
    const { stream } = unwrap(await getRepo(client, { did }))
    const { entries } = await readRepo(stream, { did, key })
    for await (const { path, record } of entries) console.log(path, record)
  } finally {
    server.close()
  }
  expect(printed).toEqual([['com.example.note/a', hello]])
  const here = await readFile(import.meta.filename, 'utf8')
  for (const line of await exampleOf('xrpc-client/src/reader.ts', 'getRepo')) {
    expect(here).toContain(line.replace(/ \/\/.*$/, ''))
  }
})
