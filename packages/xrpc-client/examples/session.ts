// A session: logs in, keeps its tokens in a file, renews them when they have expired.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, passwordSession, unwrap } from '@avocet/xrpc-client'
import { createFileSessionStore } from '@avocet/xrpc-client/node'
import { startService } from './service.ts'

await using service = await startService()
// Without `directory` it is the XDG state directory, ~/.local/state.
const directory = await mkdtemp(join(tmpdir(), 'example-'))
const store = createFileSessionStore({ program: 'example', account: 'alice.example.com', directory })

const session = await passwordSession({
  identifier: 'alice.example.com',
  password: 'app-password',
  // With the did package: async (identifier) => the PDS of its DID document.
  resolveService: async () => service.url,
  store,
  onUpdate: (data) => console.log('session', data?.accessJwt),
})
const client = createClient({ service: session })

await client.request({ nsid: 'io.example.expire', type: 'query' })
const answer = unwrap(await client.request({ nsid: 'com.atproto.server.getSession', type: 'query' }))
console.log(await answer.json())
console.log((await store.load())?.accessJwt)
await rm(directory, { recursive: true })
