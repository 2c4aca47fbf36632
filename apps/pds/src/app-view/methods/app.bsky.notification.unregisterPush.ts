import { AppBskyNotificationUnregisterPush } from '@avocet/lexicons/app.bsky'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
import type { ForwardPush } from '../push.ts'

/** Takes a device off the notifications of the service that the call names. */
export function unregisterPush(router: Router, authorizer: Authorizer, forwardPush: ForwardPush): void {
  router.add(AppBskyNotificationUnregisterPush.main, {
    auth: (context) => authorizer.access(context, { deactivated: true }),
    handler: (context) => forwardPush(context, context.auth.did, context.input),
  })
}
