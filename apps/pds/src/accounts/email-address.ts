import { disposableEmailBlocklistSet } from 'disposable-email-domains-js'

import { PdsError } from '../errors.ts'

/**
 * One address, and nothing that a mail program reads as a list, a group, a name, a comment, quotes or a header: a letter
 * to `x,alice@example.com` would reach Alice. https://www.rfc-editor.org/rfc/rfc5322#section-3.2.3
 */
const EMAIL =
  /^[^\s\p{C}()<>[\]:;@\\,"]{1,64}@[^\s\p{C}()<>[\]:;@\\,"]{1,190}\.[^\s\p{C}()<>[\]:;@\\,".]{2,63}$/u

/** Domains of addresses that are thrown away after use. */
const DISPOSABLE: ReadonlySet<string> = disposableEmailBlocklistSet()

/**
 * Refuses what is no address, and an address at a known throw-away service or below it: the mail that matters later (a
 * code to reset a password, to move away) would reach nobody, or somebody else.
 * @throws PdsError `invalid-email`
 */
export function checkEmail(email: string | null): void {
  if (email === null) return
  if (!EMAIL.test(email) || isDisposable(email.slice(email.indexOf('@') + 1).toLowerCase())) {
    throw new PdsError('invalid-email', 'This email address is not supported, please use a different email.')
  }
}

function isDisposable(domain: string): boolean {
  const labels = domain.split('.')
  return labels.some((_, at) => DISPOSABLE.has(labels.slice(at).join('.')))
}
