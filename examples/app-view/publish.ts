// Publishes the lexicons from the account that has the domain:  APP_PASSWORD=… node publish.ts alice.test
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import { agent, signIn } from '@avocet/atproto'
import * as Schema from '@avocet/lexicons/com.atproto.lexicon.schema'

import { allowLoopback, handleResolver } from './config.ts'

const where = allowLoopback ? { service: handleResolver } : {}
const me = agent(await signIn(process.argv[2] ?? '', process.env['APP_PASSWORD'] ?? '', where))
const folder = join(import.meta.dirname, 'lexicons/com/example/reading')
for (const name of readdirSync(folder)) {
  const document = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { id: string; lexicon: number }
  const { uri } = await me.put(Schema.main, document.id, document)
  console.log(uri)
}
