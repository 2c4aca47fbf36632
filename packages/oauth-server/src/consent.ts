import type { Did } from '@avocet/syntax'

import type { ConsentState } from './page.ts'
import type { Consent } from './rows.ts'
import { scopeTexts } from './scopes.ts'

/** Characters that are remembered for one account and app. Beyond, what was asked for last counts alone. */
const MAX_REMEMBERED = 32_768

/**
 * What an account has to be asked.
 * @param remembered null where nothing is, or the client is one that always asks
 */
export function consentState(asked: string, remembered: Consent | null): ConsentState {
  if (remembered === null) return { needed: true, declined: [] }
  const agreed = new Set(scopeTexts(remembered.scope))
  const declined = new Set(scopeTexts(remembered.declined))
  const texts = scopeTexts(asked)
  return {
    needed: texts.some((text) => !agreed.has(text) && !declined.has(text)),
    declined: texts.filter((text) => declined.has(text)),
  }
}

/** What is granted without asking: what was agreed to before. */
export function rememberedScope(asked: string, remembered: Consent): string {
  const agreed = new Set(scopeTexts(remembered.scope))
  return scopeTexts(asked)
    .filter((text) => agreed.has(text))
    .join(' ')
}

/** What is remembered once an account agreed to `granted` of `asked`. */
export function nextConsent(
  did: Did,
  clientId: string,
  texts: { readonly asked: string; readonly granted: string },
  remembered: Consent | null,
  now: number,
): Consent {
  const asked = new Set(scopeTexts(texts.asked))
  const granted = new Set(scopeTexts(texts.granted))
  const declined = [...asked].filter((text) => !granted.has(text))
  const others = (before: string | undefined): string[] =>
    scopeTexts(before ?? '').filter((text) => !asked.has(text))
  const merged = {
    scope: [...others(remembered?.scope), ...granted].join(' '),
    declined: [...others(remembered?.declined), ...declined].join(' '),
  }
  return merged.scope.length + merged.declined.length <= MAX_REMEMBERED
    ? { did, clientId, ...merged, updatedAt: now }
    : { did, clientId, scope: [...granted].join(' '), declined: declined.join(' '), updatedAt: now }
}
