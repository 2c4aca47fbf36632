// node examples/verify-capture/serve.ts [port]: builds the page and serves it on loopback.
import { createServer } from 'node:http'

import { buildPage } from './build.ts'

const files = await buildPage()
const port = Number(process.argv[2] ?? 8080)
const server = createServer((request, response) => {
  const name = request.url === '/' ? 'index.html' : (request.url ?? '').slice(1)
  const text = files.get(name)
  const type = name.endsWith('.js') ? 'text/javascript' : 'text/html'
  if (text === undefined) response.writeHead(404).end()
  else response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(text)
})
server.once('error', (error) => {
  console.error(error.message)
  process.exitCode = 1
})
server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/`))
