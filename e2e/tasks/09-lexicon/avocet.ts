import { createClient, unwrap } from '@avocet/xrpc-client'
import { createRouter } from '@avocet/xrpc-server'
import { serve } from '@avocet/xrpc-server/node'
import * as Greet from './generated/avocet/com.example.greet.ts'

const router = createRouter().add(Greet.main, ({ params }) => ({ message: `Hello ${params.name}` }))
await using server = await serve({ router })
const client = createClient({ service: server.url })
const { message } = unwrap(await client.call(Greet.main, { params: { name: 'Alice' } }))
console.log(message)
