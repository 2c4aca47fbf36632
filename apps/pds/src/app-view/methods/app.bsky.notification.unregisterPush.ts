import { AppBskyNotificationUnregisterPush } from '@avocet/lexicons/app.bsky'
import type { Router } from '@avocet/xrpc-server'

import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { pushNeeds, type ForwardPush } from '../push.ts'

/** Takes a device off the notifications of the service that the call names. */
export function unregisterPush(router: Router, authorizer: Authorizer, forwardPush: ForwardPush): void {
  router.add(AppBskyNotificationUnregisterPush.main, {
    ...accountMethod(authorizer, {
      deactivated: true,
      oauth: pushNeeds('app.bsky.notification.unregisterPush'),
    }),
    handler: (context) => forwardPush(context, context.auth.did, context.input),
  })
}
