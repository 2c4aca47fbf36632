// A query: parameters in, JSON out.
import { createRouter, type Router } from '@avocet/xrpc-server'
import { serve } from '@avocet/xrpc-server/node'
import { catalog } from './lexicons.ts'

export const router: Router = createRouter({ catalog }).add('io.example.ping', {
  handler: ({ params }) => ({ message: params.message }),
})

if (import.meta.main) {
  await using server = await serve({ router })
  const response = await fetch(`${server.url}/xrpc/io.example.ping?message=hello`)
  console.log(await response.json())
}
