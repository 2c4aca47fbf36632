import type { AccountStore } from '@avocet/accounts'
import { AppBskyActorGetPreferences } from '@avocet/lexicons/app.bsky'
import { isDid } from '@avocet/syntax'
import type { HandlerContext, Router } from '@avocet/xrpc-server'

import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { hasOwnPassword, type Caller } from '../../auth/callers.ts'
import { readPreferences } from '../../accounts/preferences.ts'
import type { ServiceCallers } from '../../auth/service-callers.ts'
import { PdsError } from '../../errors.ts'
import type { ServiceProxy } from '../../proxy/service-proxy.ts'
import type { Targets } from '../../proxy/targets.ts'
import { preferenceNeeds } from '../preference-needs.ts'

/**
 * The caller's private preferences, kept here so that they move with the account; those at another AppView are there. The
 * moderation service may read anybody's, whom it names in a parameter that the lexicon does not have.
 */
export function getPreferences(
  router: Router,
  authorizer: Authorizer,
  services: ServiceCallers,
  store: Pick<AccountStore, 'secrets'>,
  targets: Targets,
  proxy: ServiceProxy,
): void {
  type Auth = { readonly moderator: true } | (Caller & { readonly moderator?: never })
  const own = accountMethod(authorizer, {
    deactivated: true,
    takendown: true,
    oauth: preferenceNeeds(targets),
  })
  router.add(AppBskyActorGetPreferences.main, {
    needs: own.needs,
    auth: async (context): Promise<Auth> => {
      if (!services.carriesServiceToken(context)) return own.auth(context)
      await services.moderator(context, authorizer, context.nsid)
      return { moderator: true }
    },
    validateOutput: false,
    handler: async (context: HandlerContext<typeof AppBskyActorGetPreferences.main, Auth>) => {
      const { auth, request } = context
      const isForeign = targets.isForeign(context.header('atproto-proxy'))
      if (auth.moderator === true) {
        if (isForeign) {
          throw new PdsError('invalid-request', 'Moderator requests cannot be proxied to other app views')
        }
        const did = new URL(request.url).searchParams.get('did')
        if (!isDid(did)) throw new PdsError('invalid-request', 'Invalid or missing did parameter')
        return output(await readPreferences(store, did, true))
      }
      if (isForeign) return proxy(context, auth)
      return output(await readPreferences(store, auth.did, hasOwnPassword(auth)))
    },
  })
}

function output(preferences: readonly object[]): AppBskyActorGetPreferences.Output {
  return { preferences } as unknown as AppBskyActorGetPreferences.Output
}
