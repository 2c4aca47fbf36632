// Part of xrpc.ts: a process of subscribers that take what comes and look at none of it, node xrpc-drain.ts <port> <path> <count>.
// Prints `open` when all are connected, and the bytes taken when its input ends.
import { connect } from 'node:net'

const [port, path, count] = process.argv.slice(2)
let bytes = 0
const sockets = await Promise.all(
  Array.from(
    { length: Number(count) },
    () =>
      new Promise<import('node:net').Socket>((resolve, reject) => {
        const socket = connect(Number(port), '127.0.0.1')
        socket.on('error', reject)
        socket.write(
          `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
            'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
        )
        socket.once('data', () => {
          resolve(socket)
          socket.on('data', (chunk) => {
            bytes += chunk.length
          })
        })
      }),
  ),
)
console.log('open')
process.stdin.resume()
process.stdin.once('end', () => {
  console.log(bytes)
  for (const socket of sockets) socket.destroy()
})
