// Bytes in and out, as streams: nothing is held in memory.
import { createRouter, respond, type Router } from '@avocet/xrpc-server'
import { serve } from '@avocet/xrpc-server/node'
import { catalog } from './lexicons.ts'

export const router: Router = createRouter({ catalog, limits: { blobBytes: 1_000_000 } }).add(
  'io.example.shout',
  {
    handler: ({ input, encoding }) => {
      const shouted = input
        .pipeThrough(new TextDecoderStream())
        .pipeThrough(
          new TransformStream<string, string>({
            transform: (text, controller) => controller.enqueue(text.toUpperCase()),
          }),
        )
        .pipeThrough(new TextEncoderStream())
      return respond({ encoding: 'text/plain', body: shouted, headers: { 'x-was': encoding ?? '' } })
    },
  },
)

if (import.meta.main) {
  await using server = await serve({ router })
  const response = await fetch(`${server.url}/xrpc/io.example.shout`, {
    method: 'POST',
    headers: { 'content-type': 'text/markdown' },
    body: '# hello',
  })
  console.log(await response.text(), response.headers.get('x-was'))
}
