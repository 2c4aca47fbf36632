// A stream that survives broken connections: the cursor moves with what has been processed, so nothing is lost or repeated.
import { subscribe } from '@avocet/xrpc-client'
import { startService } from './service.ts'

await using service = await startService()
let cursor = 0
let connections = 0

for await (const { type, body } of subscribe({
  service: service.url,
  nsid: 'io.example.numbers',
  params: () => ({ cursor }),
  onConnect: () => (connections += 1),
  backoff: { minMs: 10 },
})) {
  cursor = body['seq'] as number
  console.log(type, cursor)
  if (cursor === 5) break
}
console.log(connections, 'connections')
