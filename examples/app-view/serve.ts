// The files of the page:  node serve.ts
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'

import { rolldown } from 'rolldown'

import { origin } from './config.ts'
import { metadata } from './metadata.ts'

const here = (name: string): string => join(import.meta.dirname, name)
const build = await rolldown({ input: here('page.ts'), platform: 'browser' })
const { output } = await build.generate({ format: 'esm', minify: true, codeSplitting: false })
await build.close()

const files = new Map([
  ['/', { type: 'text/html', text: readFileSync(here('index.html'), 'utf8') }],
  ['/style.css', { type: 'text/css', text: readFileSync(here('style.css'), 'utf8') }],
  ['/page.js', { type: 'text/javascript', text: output[0].code }],
  ['/oauth-client-metadata.json', { type: 'application/json', text: JSON.stringify(metadata) }],
])
// Texts of strangers get into the page as text alone; where one were parsed as markup all the same, the browser would refuse it.
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src *; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
const server = createServer((request, response) => {
  const file = files.get(new URL(request.url ?? '/', origin).pathname)
  if (file === undefined) return response.writeHead(404).end()
  const headers = { 'content-type': `${file.type}; charset=utf-8`, 'content-security-policy': policy }
  return response.writeHead(200, headers).end(file.text)
})
server.listen(Number(process.env['PORT'] ?? new URL(origin).port), '127.0.0.1', () =>
  console.log(`${origin} is ready`),
)
