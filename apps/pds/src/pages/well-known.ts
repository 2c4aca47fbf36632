import { Hono, type Context } from 'hono'

import type { PublicAddress } from '../identity/address.ts'
import type { PageEnv } from '../operator/guard.ts'
import { FACTORS_PATH } from './views/account/factors.ts'

/** The page on which owners change their password. */
const PASSWORD_PATH = '/account/password'

/**
 * Where password managers find what owners do by hand.
 *
 * https://www.w3.org/TR/change-password-url/, https://www.w3.org/TR/passkey-endpoints/
 */
export function createWellKnownPages(address: Pick<PublicAddress, 'url'>): Hono<PageEnv> {
  const pages = new Hono<PageEnv>()
  /** On the main host alone: a handle is no place where somebody signs in. */
  const add = (path: string, answer: (context: Context<PageEnv>, origin: string) => Response): void => {
    pages.get(path, (context) => {
      const { origin, hostname } = new URL(address.url())
      if (new URL(context.req.url).hostname !== hostname) {
        return context.json({ error: 'NotFound', message: 'Not found' }, 404)
      }
      return answer(context, origin)
    })
  }
  add('/.well-known/change-password', (context) => context.redirect(PASSWORD_PATH, 303))
  add('/.well-known/passkey-endpoints', (context, origin) =>
    context.json({ enroll: origin + FACTORS_PATH, manage: origin + FACTORS_PATH }),
  )
  return pages
}
