import type { AuditLog } from '../audit/audit-log.ts'
import type { Authorizer } from '../auth/authorizer.ts'
import { readCode } from '../factors/codes.ts'
import type { OperatorFactor } from '../operator/operator-factor.ts'
import type { OperatorSessions } from '../operator/operator-sessions.ts'
import type { OperatorChange } from '../stores/operator-rows.ts'
import type { AdminSignInLimits } from './sign-in-limits.ts'
import { signInView } from './views/sign-in.ts'
import type { AdminHandler, AdminVisit } from './visit.ts'

/** What signing in composes. */
export interface AdminSignInParts {
  readonly authorizer: Pick<Authorizer, 'isAdmin'>
  readonly factor: OperatorFactor
  readonly sessions: OperatorSessions
  readonly audit: Pick<AuditLog, 'record'>
  /** @returns those that hold for a visit */
  readonly limits: (visit: AdminVisit) => AdminSignInLimits
}

/** Signing in and out at the operator's page. */
export interface AdminSignIn {
  /** The form, which leads on to the page that was asked for. */
  show(visit: AdminVisit): Promise<Response>
  /** For a form of somebody who is not signed in any more: nothing is done. */
  refuse(visit: AdminVisit): Promise<Response>
  readonly signIn: AdminHandler
  readonly signOut: AdminHandler
}

const MAX_TEXT = 512
/** One text for all that may be wrong, so that whoever guesses learns nothing of the password from what is said of the code. */
const WRONG = 'This is not right.'
const WRONG_WITH_FACTOR =
  'The password or the code is not right. After many wrong codes none of the app is taken for a while; a recovery code always is.'

/** Only a page of ours, to go on to. */
const nextOf = (path: string | null): string =>
  path !== null && /^\/admin(?:[/?][\x21-\x7e]{0,1000})?$/.test(path) ? path : '/admin'

/** Signing in by the operator's password, and the factor if there is one. */
export function createAdminSignIn(parts: AdminSignInParts): AdminSignIn {
  const { authorizer, factor, sessions, audit, limits } = parts

  const form = async (
    visit: AdminVisit,
    next: string,
    problem: string | null,
    status = 200,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> => {
    const { active } = await factor.state()
    const content = signInView({ form: visit.formToken, next, hasFactor: active !== null, problem })
    return visit.page(content, status, headers)
  }

  const record = (visit: AdminVisit, action: string, error: string | null): Promise<void> =>
    audit.record({
      action,
      actor: error === null ? 'operator' : 'stranger',
      did: null,
      address: visit.sighting.address,
      error,
      attempt: error !== null,
      detail: { via: 'page' },
    })

  /** What uses up the code, if it is right. */
  const proofOf = async (
    visit: AdminVisit,
    code: string,
    isPassword: boolean,
  ): Promise<readonly OperatorChange[] | null> => {
    // All of it also with a wrong password, so that both take the same time.
    const proof = await factor.check(code)
    const isCounted = readCode(code)?.kind !== 'recovery' && (await factor.activeId()) !== null
    const mayCount = !isCounted || (await limits(visit).code(visit.sighting.address, isPassword))
    return isPassword && mayCount ? proof : null
  }

  return {
    show: (visit) => form(visit, nextOf(visit.url.pathname + visit.url.search), null),
    refuse: (visit) => form(visit, '/admin', 'You were signed out: nothing was done.', 403),
    signIn: async (visit) => {
      const { parameters, sighting } = visit
      const next = nextOf(parameters.get('next'))
      const wait = await limits(visit).count(sighting.address)
      if (wait !== null) {
        // Once: whoever goes on does not fill the log.
        if (wait.isFirst) await record(visit, 'operator sign-in', 'RateLimitExceeded')
        const problem = 'Too many attempts. Try again later, or use the commands on the server.'
        return form(visit, next, problem, 429, { 'retry-after': String(wait.seconds) })
      }
      const password = (parameters.get('password') ?? '').slice(0, MAX_TEXT + 1)
      const code = (parameters.get('code') ?? '').slice(0, MAX_TEXT)
      const basic = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`
      const isPassword =
        password.length <= MAX_TEXT &&
        authorizer.isAdmin({ header: (name) => (name === 'authorization' ? basic : null) })
      const proof = await proofOf(visit, code, isPassword)
      const cookie = proof === null ? null : await sessions.begin(proof, sighting)
      if (cookie === null) {
        await record(visit, 'operator sign-in', 'AuthenticationRequired')
        const hasFactor = (await factor.activeId()) !== null
        return form(visit, next, hasFactor ? WRONG_WITH_FACTOR : WRONG, 400)
      }
      await record(visit, 'operator sign-in', null)
      return visit.goTo(next, cookie)
    },
    signOut: async (visit) => {
      const { session, parameters } = visit
      if (session === null) return visit.goTo('/admin', null)
      if (parameters.get('all') === 'yes') await sessions.endAll()
      else await sessions.end(session)
      await record(visit, 'operator sign-out', null)
      return visit.goTo('/admin', null)
    },
  }
}
