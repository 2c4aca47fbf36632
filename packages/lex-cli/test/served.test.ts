// Lexicons as a server says them, or as it said them into a file.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { loadServedLexicons } from '../src/served.ts'
import { folder, lexicon, record } from './support.ts'

const good = lexicon('com.example.post', record({ text: { type: 'string' } }))
/** What servers say, by path. */
const SAID: Readonly<Record<string, string>> = {
  good: JSON.stringify({ lexicons: [good] }),
  list: '[]',
  odd: JSON.stringify({ lexicons: [{ lexicon: 1 }] }),
  text: 'not here',
}

async function serve(said: string): Promise<string> {
  const server = createServer(({ url }, response) => {
    response.statusCode = url === '/lexicons' ? 200 : 404
    response.end(said)
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function write(said: string): Promise<string> {
  return join(await folder({ 'served.json': said }), 'served.json')
}

it.each([
  ['a server', serve],
  ['a file', write],
])('%s', async (_, make) => {
  const found = await loadServedLexicons(await make(SAID.good!))
  expect(found.map(({ document }) => document)).toEqual([good])
  for (const [name, why] of [
    ['list', /no list of lexicons$/],
    ['odd', /what is no lexicon/],
    ['text', /no list of lexicons$/],
  ] as const) {
    await expect(loadServedLexicons(await make(SAID[name]!)), name).rejects.toThrow(why)
  }
})

it('what is not there', async () => {
  await expect(loadServedLexicons('http://127.0.0.1:1')).rejects.toThrow(
    'http://127.0.0.1:1/lexicons does not answer',
  )
  await expect(loadServedLexicons('/nowhere/served.json')).rejects.toThrow('ENOENT')
})
