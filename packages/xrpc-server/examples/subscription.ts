// A subscription: an async generator for each subscriber, its messages sent as DAG-CBOR frames over a WebSocket.
import { decodeFrame } from '@avocet/xrpc'
import { createRouter, type Router } from '@avocet/xrpc-server'
import { serve } from '@avocet/xrpc-server/node'
import { catalog } from './lexicons.ts'

export const router: Router = createRouter({ catalog }).add('io.example.count', {
  handler: async function* ({ params }) {
    for (let n = params.start ?? 0; n < params.end; n++) yield { $type: '#number', n }
  },
})

if (import.meta.main) {
  await using server = await serve({ router })
  const socket = new WebSocket(`${server.url}/xrpc/io.example.count?start=3&end=6`)
  socket.binaryType = 'arraybuffer'
  socket.addEventListener('message', ({ data }) => {
    const frame = decodeFrame(new Uint8Array(data as ArrayBuffer))
    if (frame.ok && frame.value.kind === 'message') console.log(frame.value.type, frame.value.body)
  })
  await new Promise((resolve) => socket.addEventListener('close', resolve))
}
