import { AppBskyNotificationRegisterPush } from '@avocet/lexicons/app.bsky'
import type { Router } from '@avocet/xrpc-server'

import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { pushNeeds, type ForwardPush } from '../push.ts'

/** Registers a device for notifications at the service that the call names. */
export function registerPush(router: Router, authorizer: Authorizer, forwardPush: ForwardPush): void {
  router.add(AppBskyNotificationRegisterPush.main, {
    ...accountMethod(authorizer, {
      deactivated: true,
      oauth: pushNeeds('app.bsky.notification.registerPush'),
    }),
    handler: (context) => forwardPush(context, context.auth.did, context.input),
  })
}
