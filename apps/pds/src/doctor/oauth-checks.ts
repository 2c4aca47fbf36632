// What an app sees of the authorization server and of the server as a resource. https://atproto.com/specs/oauth
import { createProofs, type MakeProof } from './dpop-proof.ts'
import type { Finding } from './finding.ts'
import type { AskPublic, SeenAnswer } from './reach.ts'

/** An app of another site. */
const APP = { origin: 'https://app.example' }
const RESOURCE = '/.well-known/oauth-protected-resource'
const SERVER = '/.well-known/oauth-authorization-server'
const PAR = '/oauth/par'
const CALL = '/xrpc/com.atproto.server.getSession'
const UNCHANGED = 'let the front server pass every path on unchanged, and answer none by itself'

const bad = (what: string, detail: string, next: string): Finding => ({ level: 'bad', what, detail, next })
const ok = (what: string, detail: string): Finding => ({ level: 'ok', what, detail })

/** The documents of OAuth, a pushed request and a call as an app of another site makes them: exact errors, headers that arrive. */
export async function oauthChecks(
  ask: AskPublic,
  origin: string,
  proof: MakeProof = createProofs(),
): Promise<Finding[]> {
  const [resource, server] = await Promise.all([
    ask(RESOURCE, { headers: APP }),
    ask(SERVER, { headers: APP }),
  ])
  if (resource.status === 404 && server.status === 404 && (await ask('/robots.txt')).status === 200) {
    const detail = 'the server answers, but it is asked under another name than its own: apps cannot sign in'
    const next = 'let the front server pass the header Host on (nginx: proxy_set_header Host $host)'
    return [bad('Host header', detail, next)]
  }
  return [
    ...documentChecks('OAuth resource document', RESOURCE, resource, (document) =>
      resourceFault(document, origin),
    ),
    ...documentChecks('OAuth server document', SERVER, server, (document) => serverFault(document, origin)),
    ...issuerCheck(server, origin),
    await preflight(ask),
    ...(await pushed(ask, origin, proof)),
    ...(await called(ask, origin, proof)),
  ]
}

type Document = Readonly<Record<string, unknown>>

function documentChecks(
  what: string,
  path: string,
  { status, header, text }: SeenAnswer,
  fault: (document: Document) => string | null,
): Finding[] {
  if (status >= 300 && status < 400) {
    const detail = `${path} leads on to ${header('location') ?? 'elsewhere'}; apps do not follow`
    return [bad(what, detail, 'answer it where it is asked for, without a redirect')]
  }
  if (status !== 200) return [bad(what, `${path} answers ${status}`, UNCHANGED)]
  const type = header('content-type') ?? 'no type'
  const document = parse(text)
  if (!/^application\/json\b/.test(type) || document === null) {
    return [bad(what, `${path} is ${type}, not application/json; a bot wall?`, UNCHANGED)]
  }
  const found = fault(document)
  const findings =
    found === null ? [ok(what, path)] : [bad(what, found, 'look at PDS_PUBLIC_URL and PDS_HOSTNAME')]
  if (header('access-control-allow-origin') !== '*') {
    const next = 'let the front server pass the header Access-Control-Allow-Origin on as it is'
    findings.push(bad(`${what}, other sites`, `no app of another site may read ${path}`, next))
  }
  return findings
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)
const holds = (document: Document, name: string, values: readonly string[]): boolean => {
  const list = document[name]
  return isList(list) && values.every((value) => list.includes(value))
}

function resourceFault(document: Document, origin: string): string | null {
  if (document['resource'] !== origin) return `resource is ${shown(document['resource'])}, not ${origin}`
  const servers = document['authorization_servers']
  return isList(servers) && servers.length === 1 && servers[0] === origin
    ? null
    : `authorization_servers is ${shown(servers)}, not [${origin}]`
}

/** Where its endpoints are. */
const ENDPOINTS = [
  'authorization_endpoint',
  'token_endpoint',
  'pushed_authorization_request_endpoint',
  'revocation_endpoint',
  'jwks_uri',
]
/** What published clients insist on. */
const REQUIRED: readonly (readonly [name: string, values: readonly string[]])[] = [
  ['scopes_supported', ['atproto']],
  ['response_types_supported', ['code']],
  ['grant_types_supported', ['authorization_code', 'refresh_token']],
  ['code_challenge_methods_supported', ['S256']],
  ['token_endpoint_auth_methods_supported', ['none', 'private_key_jwt']],
  ['token_endpoint_auth_signing_alg_values_supported', ['ES256']],
  ['dpop_signing_alg_values_supported', ['ES256']],
]
const FLAGS = [
  'require_pushed_authorization_requests',
  'authorization_response_iss_parameter_supported',
  'client_id_metadata_document_supported',
]

function serverFault(document: Document, origin: string): string | null {
  const endpoint = ENDPOINTS.find((name) => {
    const value = document[name]
    return (
      typeof value !== 'string' || URL.parse(value)?.origin !== URL.parse(String(document['issuer']))?.origin
    )
  })
  if (endpoint !== undefined) return `${endpoint} is ${shown(document[endpoint])}`
  const field = REQUIRED.find(([name, values]) => !holds(document, name, values))
  if (field !== undefined) return `${field[0]} lacks ${field[1].join(' or ')}`
  const flag = FLAGS.find((name) => document[name] !== true)
  if (flag !== undefined) return `${flag} is not true`
  return document['issuer'] !== origin || holds(document, 'protected_resources', [origin])
    ? null
    : `protected_resources lacks ${origin}`
}

function issuerCheck({ text }: SeenAnswer, origin: string): Finding[] {
  const issuer = parse(text)?.['issuer']
  if (issuer === undefined) return []
  const what = 'OAuth issuer'
  const isLocal = new URL(origin).hostname === 'localhost'
  if (issuer === origin && (origin.startsWith('https:') || isLocal)) return [ok(what, origin)]
  const detail = `the issuer is ${shown(issuer)}, and apps come to ${origin}: they refuse it`
  return [
    bad(what, detail, 'set PDS_PUBLIC_URL to the https origin that people type, without a slash at its end'),
  ]
}

async function preflight(ask: AskPublic): Promise<Finding> {
  const what = 'OAuth preflight'
  const { status, header } = await ask(PAR, {
    method: 'OPTIONS',
    headers: {
      ...APP,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type,dpop',
    },
  })
  const allowed = (header('access-control-allow-headers') ?? '').toLowerCase()
  const isFine = status < 300 && header('access-control-allow-origin') === '*' && /\bdpop\b|\*/.test(allowed)
  if (isFine) return ok(what, 'apps of other sites may ask')
  const detail = `browsers keep apps of other sites from asking: OPTIONS ${PAR} answers ${status}`
  return bad(what, detail, 'let the front server pass OPTIONS on, and its answer back with all headers')
}

/** A pushed request without a nonce gets exactly the error that makes apps send it again with one. */
async function pushed(ask: AskPublic, origin: string, proof: MakeProof): Promise<Finding[]> {
  const what = 'OAuth requests'
  const fields = {
    client_id: 'http://localhost',
    redirect_uri: 'http://127.0.0.1/',
    response_type: 'code',
    scope: 'atproto',
    state: 'doctor',
    code_challenge: 'A'.repeat(43),
    code_challenge_method: 'S256',
  }
  const answer = await ask(PAR, {
    method: 'POST',
    headers: {
      ...APP,
      'content-type': 'application/x-www-form-urlencoded',
      dpop: proof('POST', `${origin}${PAR}`),
    },
    body: new URLSearchParams(fields).toString(),
  })
  const { status, text } = answer
  if (status === 404) {
    return [bad('OAuth paths', `${PAR} answers 404`, 'let the front server keep the prefix /oauth of paths')]
  }
  if (status === 429)
    return [{ level: 'warn', what, detail: 'too many were made from here: try again later' }]
  const body = parse(text)
  const lost = lostProof(body?.['error'], body?.['error_description'], PAR)
  if (lost !== null) return [lost]
  if (status !== 400 || body?.['error'] !== 'use_dpop_nonce') {
    const detail = `${PAR} answers ${status} ${shown(body?.['error'])}, not 400 use_dpop_nonce`
    return [bad(what, detail, 'let the front server pass the body and the status on unchanged')]
  }
  return nonceChecks(what, PAR, answer)
}

/** A call with a token that nobody gave gets exactly the error that makes apps send it again with a nonce. */
async function called(ask: AskPublic, origin: string, proof: MakeProof): Promise<Finding[]> {
  const what = 'OAuth calls'
  const token = 'doctor'
  const headers = { ...APP, authorization: `DPoP ${token}`, dpop: proof('GET', `${origin}${CALL}`, token) }
  const answer = await ask(CALL, { headers })
  const { status, text, header } = answer
  const body = parse(text)
  const error = body?.['error']
  if (error === 'AuthMissing') {
    const next = 'let the front server pass the header Authorization on'
    return [bad('Authorization header', `it does not arrive at ${CALL}`, next)]
  }
  const lost = lostProof(error, body?.['message'], CALL)
  if (lost !== null) return [lost]
  if (status !== 401 || error !== 'use_dpop_nonce') {
    const detail = `${CALL} answers ${status} ${shown(error)}, not 401 use_dpop_nonce`
    return [bad(what, detail, 'let the front server pass the status on unchanged')]
  }
  const findings = nonceChecks(what, CALL, answer)
  if (!/^DPoP .*error="use_dpop_nonce"/.test(header('www-authenticate') ?? '')) {
    const next = 'let the front server pass the header WWW-Authenticate back'
    findings.push(bad('WWW-Authenticate header', `it does not come back from ${CALL}`, next))
  }
  return findings
}

/** The error of a request whose proof was taken off on its way. */
function lostProof(error: unknown, message: unknown, path: string): Finding | null {
  if (error !== 'invalid_dpop_proof') return null
  return message === 'DPoP proof required'
    ? bad('DPoP header', `it does not arrive at ${path}`, 'let the front server pass the header DPoP on')
    : bad(
        'DPoP proof',
        `${path} says: ${shown(message)}`,
        'set the clock of this machine; look at PDS_PUBLIC_URL',
      )
}

function nonceChecks(what: string, path: string, { header }: SeenAnswer): Finding[] {
  if (header('dpop-nonce') === null) {
    const next = 'let the front server pass the header DPoP-Nonce back'
    return [bad('DPoP-Nonce header', `it does not come back from ${path}: no app can sign in or call`, next)]
  }
  const exposed = (header('access-control-expose-headers') ?? '').toLowerCase()
  if (exposed !== '*' && !(exposed.includes('dpop-nonce') && exposed.includes('www-authenticate'))) {
    const detail = `apps of other sites cannot read DPoP-Nonce and WWW-Authenticate of ${path}`
    return [
      bad(
        'exposed headers',
        detail,
        'let the front server pass the header Access-Control-Expose-Headers back',
      ),
    ]
  }
  return [ok(what, path)]
}

function parse(text: string): Document | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Document) : null
  } catch {
    return null
  }
}

const shown = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 200)
