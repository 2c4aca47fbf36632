// The page at `/`: files read once, served with a policy that allows nothing from elsewhere.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'

const FOLDER = new URL('../../page/', import.meta.url)
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}
// Texts of strangers are put in as nodes alone: where a browser knows Trusted Types, a string that would be parsed as markup throws.
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-cache',
}

/** Answers `/` and `/page/<file>`; null for any other path. */
export type Page = (path: string, request: Request) => Response | null

/** Reads the page's files: all that are in its folder; for the operator's page those of its own too, and it is the one at `/`. */
export function loadPage(whose: 'everybody' | 'operator' = 'everybody'): Page {
  const first = whose === 'operator' ? 'operator/index.html' : 'index.html'
  const folders = whose === 'operator' ? ['', 'operator/'] : ['']
  const names = folders.flatMap((folder) =>
    readdirSync(new URL(folder, FOLDER)).flatMap((name) =>
      Object.hasOwn(TYPES, extname(name)) ? [`${folder}${name}`] : [],
    ),
  )
  const files = new Map(
    names.map((name) => {
      const body = readFileSync(new URL(name, FOLDER))
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
      return [name === first ? '/' : `/page/${name}`, { body, etag, type: TYPES[extname(name)]! }]
    }),
  )
  return (path, request) => {
    const file = files.get(path)
    if (file === undefined) return null
    const headers = { ...HEADERS, 'content-type': file.type, etag: file.etag }
    if (request.headers.get('if-none-match') === file.etag)
      return new Response(null, { status: 304, headers })
    return new Response(request.method === 'HEAD' ? null : new Uint8Array(file.body), { headers })
  }
}
