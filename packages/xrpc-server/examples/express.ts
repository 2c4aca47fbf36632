// In an Express app, before any body parser; subscriptions through the server's `upgrade` event.
import type { AddressInfo } from 'node:net'
import { createUpgrader, nodeHandler } from '@avocet/xrpc-server/node'
import express, { type Express } from 'express'
import { router } from './query.ts'

export const app: Express = express()
app.use(nodeHandler(router))
app.get('/', (_, response) => void response.send('hello from Express'))

if (import.meta.main) {
  const server = app.listen(0, '127.0.0.1')
  const upgrader = createUpgrader(router)
  server.on('upgrade', upgrader.upgrade)
  await new Promise((resolve) => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  console.log(await (await fetch(url)).text())
  console.log(await (await fetch(`${url}/xrpc/io.example.ping?message=through`)).json())
  await upgrader.close()
  server.closeAllConnections()
  server.close()
}
