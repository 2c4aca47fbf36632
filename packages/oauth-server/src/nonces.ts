// https://www.rfc-editor.org/rfc/rfc9449#section-8, https://atproto.com/specs/oauth#dpop

import type { OAuthKeys } from './keys.ts'

/** Nonces of DPoP proofs: one for everybody at a time, good for several calls at once and for two to three minutes. */
export interface DpopNonces {
  /** The newest one, to be sent with every answer. */
  current(): string
  isGood(nonce: string): boolean
}

/** How long one nonce is the newest, in seconds: each is taken while it is that, and while the next two are. */
export const NONCE_STEP = 60

/**
 * Nonces out of the clock and a secret: nothing is kept, all processes with the same secret know the same ones, and they outlive
 * a restart. Clients send calls in parallel and cannot send a streamed body twice, so one nonce is good for more than one call.
 */
export function createDpopNonces(keys: Pick<OAuthKeys, 'macs'>, now: () => number = Date.now): DpopNonces {
  const byStep = new Map<number, string>()
  const nonceOf = (step: number): string => {
    const known = byStep.get(step)
    if (known !== undefined) return known
    const nonce = keys.macs('nonce', String(step))[0]!
    if (byStep.size >= 8) byStep.clear()
    byStep.set(step, nonce)
    return nonce
  }
  const stepNow = (): number => Math.floor(now() / 1000 / NONCE_STEP)
  return {
    current: () => nonceOf(stepNow()),
    isGood: (nonce) => {
      const step = stepNow()
      // The one to come is that of a process whose clock is ahead.
      return [step, step - 1, step - 2, step + 1].some((one) => nonceOf(one) === nonce)
    },
  }
}
