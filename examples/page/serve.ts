// The files of the page, behind a proxy that does TLS. Any static host will do as well: there are three.
//
//   PORT=3000 node examples/page/serve.ts https://app.example.com
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'

import { rolldown } from 'rolldown'

import { metadata } from './metadata.ts'

const build = await rolldown({ input: join(import.meta.dirname, 'page.ts'), platform: 'browser' })
const { output } = await build.generate({ format: 'esm', minify: true, codeSplitting: false })
await build.close()

const files = new Map([
  ['/', { type: 'text/html', text: readFileSync(join(import.meta.dirname, 'index.html'), 'utf8') }],
  ['/page.js', { type: 'text/javascript', text: output[0].code }],
  [
    '/oauth-client-metadata.json',
    { type: 'application/json', text: JSON.stringify(metadata(process.argv[2]!)) },
  ],
])
const server = createServer((request, response) => {
  const file = files.get(request.url ?? '/')
  if (file === undefined) response.writeHead(404).end()
  else response.writeHead(200, { 'content-type': `${file.type}; charset=utf-8` }).end(file.text)
})
server.listen(Number(process.env['PORT'] ?? 3000), () => console.log(`${process.argv[2]} is ready`))
