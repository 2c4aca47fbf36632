import { AppBskyNotificationRegisterPush } from '@avocet/lexicons/app.bsky'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
import type { ForwardPush } from '../push.ts'

/** Registers a device for notifications at the service that the call names. */
export function registerPush(router: Router, authorizer: Authorizer, forwardPush: ForwardPush): void {
  router.add(AppBskyNotificationRegisterPush.main, {
    auth: (context) => authorizer.access(context, { deactivated: true }),
    handler: (context) => forwardPush(context, context.auth.did, context.input),
  })
}
