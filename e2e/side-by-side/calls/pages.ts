// What a server answers outside of its own methods: pages, well-known files, preflights, paths that lead nowhere.
import type { Call } from '../calls.ts'

const page = (situation: string, path: string, more: Partial<Call> = {}): Call => ({
  name: `${more.method ?? 'GET'} ${path}: ${situation}`,
  method: 'GET',
  path,
  ...more,
})
const host = (name: string): Partial<Call> => ({ headers: { host: name } })
const preflight = {
  method: 'OPTIONS',
  headers: {
    origin: 'https://app.example.com',
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type,atproto-proxy',
  },
} as const

export const pageCalls: readonly Call[] = [
  page('health', '/xrpc/_health'),
  page('robots', '/robots.txt'),
  page('the handle of an account', '/.well-known/atproto-did', host('alice.test')),
  page('a handle in upper case', '/.well-known/atproto-did', host('ALICE.test')),
  page('a handle with a port', '/.well-known/atproto-did', host('alice.test:8080')),
  page('an unknown handle', '/.well-known/atproto-did', host('nobody.test')),
  page('another domain', '/.well-known/atproto-did', host('alice.example.com')),
  page('a deactivated account', '/.well-known/atproto-did', host('sleeper.test')),
  page('an account taken down', '/.well-known/atproto-did', host('banned.test')),
  page('the server’s own host', '/.well-known/atproto-did'),
  page('not there', '/nowhere'),
  page('not there', '/.well-known/nowhere'),
  page('no method', '/xrpc/'),
  page('no NSID', '/xrpc/foo'),
  page('a method with a slash at the end', '/xrpc/com.atproto.server.describeServer/'),
  page('a method in upper case', '/xrpc/com.atproto.server.DESCRIBESERVER'),
  page('a method of JavaScript', '/xrpc/constructor'),
  page('a method unknown, without credentials', '/xrpc/com.example.unknown.method'),
  page('a method of the protocol that no PDS has', '/xrpc/com.atproto.sync.unknownMethod'),
  page('preflight of a method', '/xrpc/com.atproto.server.createSession', preflight),
  page('preflight of an unknown method', '/xrpc/com.example.unknown.method', preflight),
  page('head of a query', '/xrpc/com.atproto.server.describeServer', { method: 'HEAD' }),
  page('delete', '/xrpc/com.atproto.server.describeServer', { method: 'DELETE' }),
  page('with an origin', '/xrpc/com.atproto.server.describeServer', {
    headers: { origin: 'https://app.example.com' },
  }),
  page('compressed', '/xrpc/com.atproto.server.describeServer', { headers: { 'accept-encoding': 'gzip' } }),
]
