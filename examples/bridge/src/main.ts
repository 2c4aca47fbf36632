// Starts a bridge. Each line of its input is a post: {"author":"anna","rkey":"3mbc…","text":"hello","createdAt":"2026-…"}
import { createInterface } from 'node:readline'

import { createUpgrader } from '@avocet/xrpc-server/node'
import { createBridge } from './bridge.ts'
import { inExpress, inHono } from './mounts.ts'

const { BRIDGE_DOMAIN: domain = 'bridge.example.com', BRIDGE_MOUNT, PORT, ...env } = process.env
await using bridge = await createBridge({
  domain,
  rotationKey: Buffer.from(env['BRIDGE_ROTATION_KEY'] ?? '', 'hex'),
  folder: env['BRIDGE_FOLDER'],
  postgresUrl: env['BRIDGE_POSTGRES_URL'],
  plcUrl: env['BRIDGE_PLC_URL'],
})
const server = BRIDGE_MOUNT === 'hono' ? inHono(bridge) : inExpress(bridge)
const sockets = createUpgrader(bridge.router)
server.on('upgrade', sockets.upgrade).listen(Number(PORT ?? 3000))
for await (const line of createInterface(process.stdin)) {
  const { author, ...post } = JSON.parse(line)
  console.log(await bridge.publish(author, post))
}
await sockets.close()
server.close().closeAllConnections()
