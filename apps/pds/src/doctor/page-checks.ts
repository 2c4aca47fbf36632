import type { Finding } from './finding.ts'
import type { AskPublic, SeenAnswer } from './reach.ts'

/** A page, and what its cookie is to say of requests from other sites. */
interface LookedAt {
  readonly path: string
  readonly sameSite: 'Lax' | 'Strict'
}

const PAGES: readonly LookedAt[] = [
  { path: '/oauth/authorize?client_id=doctor&request_uri=doctor', sameSite: 'Lax' },
  { path: '/admin', sameSite: 'Strict' },
]

/** What a browser sends that goes there. */
const VISIT = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-site': 'none' }
const UNTOUCHED = 'let the front server pass headers of answers back as they are'

const bad = (what: string, detail: string, next: string): Finding => ({ level: 'bad', what, detail, next })

/** Pages as a browser gets them: cookies that no other host can set or read, and what keeps pages from being framed, read and kept. */
export async function pageChecks(ask: AskPublic, isSecure: boolean): Promise<Finding[]> {
  const findings = await Promise.all(
    PAGES.map(async (page) => pageFindings(page, await ask(page.path, { headers: VISIT }), isSecure)),
  )
  const wrong = findings.flat()
  return wrong.length > 0
    ? unique(wrong)
    : [{ level: 'ok', what: 'pages', detail: 'cookies and headers are strict' }]
}

function pageFindings(page: LookedAt, answer: SeenAnswer, isSecure: boolean): Finding[] {
  const { status, header } = answer
  const path = page.path.split('?')[0]!
  if (!/^text\/html\b/.test(header('content-type') ?? '') || status >= 500 || status === 404) {
    const next = 'let the front server pass every path on unchanged, with the header Host'
    return [bad('pages', `${path} answers ${status} ${header('content-type') ?? ''}`, next)]
  }
  const findings: Finding[] = []
  const policy = header('content-security-policy') ?? ''
  if (!policy.includes(`default-src 'none'`) || !policy.includes(`frame-ancestors 'none'`)) {
    const detail = `${path} comes with ${policy === '' ? 'none' : `another one: ${policy.slice(0, 200)}`}`
    findings.push(bad('Content-Security-Policy', detail, UNTOUCHED))
  }
  if (isSecure && !/\bmax-age=[1-9]\d{6,}/.test(header('strict-transport-security') ?? '')) {
    const detail = `${path} comes without one of at least months: browsers may come by http`
    findings.push(bad('Strict-Transport-Security', detail, UNTOUCHED))
  }
  if (!(header('cache-control') ?? '').includes('no-store')) {
    const detail = `${path} may be kept, and shown to somebody else`
    findings.push(
      bad('Cache-Control', detail, 'let the front server keep no pages of /oauth, /account and /admin'),
    )
  }
  if (header('access-control-allow-origin') !== null) {
    const next = 'let the front server add no Access-Control headers'
    findings.push(bad('pages, other sites', `scripts of other sites may read ${path}`, next))
  }
  return [...findings, ...cookieFindings(page, path, answer.cookies, isSecure)]
}

function cookieFindings(
  { sameSite }: LookedAt,
  path: string,
  cookies: readonly string[],
  isSecure: boolean,
): Finding[] {
  const own = cookies.find((cookie) => /^[^=;]*avocet-/.test(cookie))
  if (own === undefined) return [bad('page cookie', `${path} sets none: nobody can sign in`, UNTOUCHED)]
  const [name = ''] = own.split('=')
  const attributes = own
    .split(';')
    .slice(1)
    .map((attribute) => attribute.trim().toLowerCase())
  const wants = ['httponly', `samesite=${sameSite.toLowerCase()}`, 'path=/', ...(isSecure ? ['secure'] : [])]
  const missing = wants.filter((attribute) => !attributes.includes(attribute))
  const findings: Finding[] = []
  if (missing.length > 0) {
    findings.push(bad('page cookie', `the cookie of ${path} lacks ${missing.join(', ')}`, UNTOUCHED))
  }
  if (
    isSecure &&
    (!name.startsWith('__Host-') || attributes.some((attribute) => attribute.startsWith('domain=')))
  ) {
    const detail = `${name} of ${path} could be set by another host of the domain`
    const next = `set PDS_PUBLIC_URL to the https origin; ${UNTOUCHED}`
    findings.push(bad('page cookie, name', detail, next))
  }
  return findings
}

/** Both pages may say the same: the first one stands for it. */
function unique(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ what }, at) => findings.findIndex((other) => other.what === what) === at)
}
