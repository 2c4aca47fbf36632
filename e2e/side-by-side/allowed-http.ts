// Where the rules of HTTP, or of what lies outside of `/xrpc`, are followed otherwise than by the reference, and why.
import { because, type Allowed } from './allow-list.ts'

export const ALLOWED_HTTP: readonly Allowed[] = [
  ...because(
    'Text is called text, and browsers are told not to guess.',
    'GET * | header content-type | text/html; charset=utf-8 → text/plain; charset=utf-8',
    'GET * | header x-content-type-options | absent → nosniff',
  ),
  ...because(
    'A blob never changes under its CID: caches may keep a public one, and ask by its ETag.',
    'com.atproto.sync.getBlob: a picture | header cache-control | private → max-age=3600, public',
    'com.atproto.sync.getBlob: a picture | header etag | absent → present',
    'com.atproto.sync.getBlob: a page | header cache-control | private → max-age=3600, public',
    'com.atproto.sync.getBlob: a page | header content-type | text/html; charset=utf-8 → text/html',
    'com.atproto.sync.getBlob: a page | header etag | absent → present',
    'com.atproto.sync.getBlob: restored | header cache-control | private → max-age=3600, public',
    'com.atproto.sync.getBlob: restored | header content-type | text/plain; charset=utf-8 → text/plain',
    'com.atproto.sync.getBlob: restored | header etag | absent → present',
  ),
  ...because(
    'The health of a moment is kept by nobody.',
    'GET /xrpc/_health: health | header cache-control | absent → no-store',
  ),
  ...because(
    'XRPC has GET and POST; no other method is promised.',
    'OPTIONS /xrpc/com.atproto.server.createSession: preflight of a method | header access-control-allow-methods | delete, get, head, patch, post, put → get, head, options, post',
    'OPTIONS /xrpc/com.example.unknown.method: preflight of an unknown method | header access-control-allow-methods | delete, get, head, patch, post, put → get, head, options, post',
  ),
  ...because(
    'RFC 9110: another HTTP method is a 405, with `allow`.',
    '*: sent as * | outcome | 400 InvalidRequest → 405 InvalidRequest',
    'DELETE /xrpc/com.atproto.server.describeServer: delete | outcome | 400 InvalidRequest → 405 InvalidRequest',
  ),
  ...because(
    'RFC 9110: another content type is a 415.',
    'com.atproto.repo.uploadBlob: a content type that is none | outcome | 400 InvalidRequest → 415 InvalidRequest',
    'com.atproto.repo.importRepo: another content type | outcome | 400 InvalidRequest → 415 InvalidRequest',
    '*: with a body of text | outcome | 400 InvalidRequest → 415 InvalidRequest',
  ),
  ...because(
    'A body that is no JSON is an invalid request; `SyntaxError` is a name of JavaScript.',
    '*: with half an object | outcome | 400 SyntaxError → 400 InvalidRequest',
  ),
  ...because(
    'The lexicon of errors names it PayloadTooLarge; the reference says both.',
    'com.atproto.repo.createRecord: a record of 1 MB | outcome | 413 PayloadTooLargeError → 413 PayloadTooLarge',
    'com.atproto.repo.createRecord: a record of 1.2 MB | outcome | 413 PayloadTooLargeError → 413 PayloadTooLarge',
  ),
  ...because(
    'Nothing stands behind these names, so nobody is asked for credentials first.',
    'GET /xrpc/foo: no NSID | outcome | 401 AuthMissing → 400 InvalidRequest',
    'GET /xrpc/constructor: a method of JavaScript | outcome | 401 AuthMissing → 400 InvalidRequest',
  ),
  ...because(
    'Paths are compared as they are: no slash at the end, case as in the NSID.',
    'GET /xrpc/com.atproto.server.describeServer/: a method with a slash at the end | outcome | 200 → 400 InvalidRequest',
    'GET /xrpc/com.atproto.server.DESCRIBESERVER: a method in upper case | outcome | 200 → 401 AuthMissing',
  ),
  ...because(
    'What is not there says so in the form of an XRPC error.',
    'GET /nowhere: not there | outcome | 404 → 404 NotFound',
    'GET /.well-known/nowhere: not there | outcome | 404 → 404 NotFound',
  ),
  ...because(
    'Each server says its own name, and has its own words.',
    'GET /xrpc/_health: health | body.version | 0.5.35 → avocet-pds *',
    'GET /robots.txt: robots | body.text | # Hello!* → # Crawling*',
  ),
  ...because(
    'Host names have no case.',
    'GET /.well-known/atproto-did: a handle in upper case | outcome | 404 → 200',
  ),
  ...because(
    'Served here, to the reference it is a method of somebody else.',
    'com.atproto.sync.listReposByCollection: a collection | outcome | 401 AuthMissing → 200',
    'com.atproto.admin.searchAccounts: by e-mail | outcome | 400 InvalidToken → 200',
  ),
  ...because(
    'A socket is asked for by an upgrade; without one the answer says so.',
    'com.atproto.sync.subscribeRepos: without an upgrade | outcome | 401 AuthMissing → 426 UpgradeRequired',
  ),
]
