// Reading an account: records across pages, one call a page, the next only when it is wanted.
import { createClient, listRecords } from '@avocet/xrpc-client'
import { startService } from './service.ts'

await using service = await startService()
const client = createClient({ service: service.url })

for await (const { uri, value } of listRecords(client, {
  repo: 'alice.example.com',
  collection: 'io.example.note',
})) {
  console.log(uri.split('/').at(-1), value['text'])
}
