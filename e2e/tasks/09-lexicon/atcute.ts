import { Client, ok } from '@atcute/client'
import { json, XRPCRouter } from '@atcute/xrpc-server'
import { ComExampleGreet } from './generated/atcute/index.ts'

const router = new XRPCRouter()
router.addQuery(ComExampleGreet, {
  handler: async ({ params }) => json({ message: `Hello ${params.name}` }),
})
const handler = (path: string, init: RequestInit) =>
  router.fetch(new Request(new URL(path, 'http://localhost'), init))
const client = new Client({ handler })
const { message } = await ok(client.get('com.example.greet', { params: { name: 'Alice' } }))
console.log(message)
