// Calls by schema, with a result to look at, and by name, with the value itself; custom lexicons beside the bundled ones.
import type { Query } from '@avocet/lexicon'
import { createClient, createRpc } from '@avocet/xrpc-client'
import { catalog } from './lexicons.ts'
import { startService } from './service.ts'

await using service = await startService()
const client = createClient({ service: service.url, lexicons: catalog })

const search = catalog.method('io.example.search') as Query<{ q: string }, { results: string[] }>
const result = await client.call(search, { params: { q: 'avocets' } })
if (result.ok) console.log(result.status, result.value.results)
else console.log(result.error.status, result.error.error, result.error.message)

// Documents that come at run time have no types; those of generated code have (`catalog` of @avocet/lexicons/catalog).
type Methods = { 'io.example.search': typeof search }
const rpc = createRpc<Methods>(client, catalog)
console.log(await rpc.io.example.search({ q: 'by name' }))

const wrong = await client.call(search, { params: {} as { q: string } })
if (!wrong.ok) console.log(wrong.error.code, wrong.error.issues[0]?.path)
