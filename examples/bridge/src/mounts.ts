import { createServer, type Server } from 'node:http'

import { createAddressReader, nodeHandler } from '@avocet/xrpc-server/node'
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import express from 'express'
import { Hono } from 'hono'
import type { Bridge } from './bridge.ts'

/** The bridge in an Express app. */
export function inExpress({ router, didOf }: Bridge): Server {
  const app = express().use(nodeHandler(router))
  app.get('/.well-known/atproto-did', async ({ hostname }, response) => {
    const did = await didOf(hostname)
    if (did === null) response.sendStatus(404)
    else response.type('text').send(did)
  })
  return createServer(app)
}

/** The bridge in a Hono app. */
export function inHono({ router, didOf }: Bridge): Server {
  const addressOf = createAddressReader(false)
  const app = new Hono<{ Bindings: HttpBindings }>()
  app.all('/xrpc/*', ({ req, env }) => router.fetch(req.raw, { address: addressOf(env.incoming) }))
  app.get('/.well-known/atproto-did', async ({ req, text, notFound }) => {
    const did = await didOf(new URL(req.url).hostname)
    return did === null ? notFound() : text(did)
  })
  return createAdaptorServer({ fetch: app.fetch }) as Server
}
