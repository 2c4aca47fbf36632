// In a Hono app: the router's `fetch` is all it takes; `serve` adds the WebSockets.
import { serve } from '@avocet/xrpc-server/node'
import { Hono } from 'hono'
import { router } from './query.ts'

export const app: Hono = new Hono()
app.get('/', (context) => context.text('hello from Hono'))
app.all('/xrpc/*', (context) => router.fetch(context.req.raw))

if (import.meta.main) {
  // Hono in front, wherever Hono runs …
  const response = await app.request('/xrpc/io.example.ping?message=through')
  console.log(await response.json())
  // … or the router in front, and Hono for the rest: subscriptions included, at the full speed of node:http.
  await using server = await serve({ router, fetch: (request) => app.fetch(request) })
  console.log(await (await fetch(server.url)).text())
  console.log(await (await fetch(`${server.url}/xrpc/io.example.ping?message=beside`)).json())
}
