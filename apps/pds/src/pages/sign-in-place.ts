import type { Account } from '../account.ts'
import type { Visitor } from '../factors/challenges.ts'
import type { Browsers } from './browsers.ts'
import type { Texts } from './texts/texts.ts'
import type { HiddenFields } from './views/parts.ts'
import type { Visit } from './visit.ts'

/** Where somebody signs in: to let an app in, or to see pages of their account. */
export interface SignInPlace {
  readonly visit: Visit
  readonly texts: Texts
  /** Where its forms go. */
  readonly action: string
  /** Fields that every form of it has. */
  readonly fields: HiddenFields
  /** The request of an app that the sign-in is for; null for none. */
  readonly requestId: string | null
  /** As in `pageHeaders`. */
  readonly leavesSite: boolean
  /** The page of it, with more parameters. */
  readonly url: (more: Readonly<Record<string, string>>) => string
  /** The page on which the sign-in begins. */
  readonly showSignIn: (identifier: string, problem: string | null, status?: number) => Response
}

/** Longest text of a field that is looked at, in characters. */
export const MAX_TEXT = 512

/** What a field of the form holds: cut where it is too long for anything, by one character more than `MAX_TEXT`. */
export function field({ visit }: Pick<SignInPlace, 'visit'>, name: string): string {
  return (visit.parameters.get(name) ?? '').slice(0, MAX_TEXT + 1)
}

/** Who signs in, for the parts that check it. */
export const visitorOf = ({ visit }: Pick<SignInPlace, 'visit'>): Visitor => ({
  address: visit.sighting.address,
  binding: visit.browser.id,
})

/** Signs an account in on the browser, and goes on where it signed in. */
export async function letIn(
  browsers: Pick<Browsers, 'signIn'>,
  place: SignInPlace,
  account: Account,
): Promise<Response> {
  const { visit, requestId, url } = place
  const how = { request: requestId, remember: field(place, 'remember') === 'yes' }
  const cookie = await browsers.signIn(visit.browser, account, how, visit.sighting)
  return visit.goTo(url({ account: account.did }), cookie)
}
