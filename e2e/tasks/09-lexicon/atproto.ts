import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { xrpc } from '@atproto/lex'
import { createServer } from '@atproto/xrpc-server'
import * as greet from './generated/atproto/com/example/greet.ts'

const server = createServer()
server.add(greet.main, ({ params }) => ({
  encoding: 'application/json',
  body: { message: `Hello ${params.name}` },
}))
const http = server.listen(0)
await once(http, 'listening')
const { port } = http.address() as AddressInfo
const { body } = await xrpc(`http://localhost:${port}`, greet.main, { params: { name: 'Alice' } })
console.log(body.message)
http.closeAllConnections()
http.close()
