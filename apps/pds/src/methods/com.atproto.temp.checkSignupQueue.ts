import { ComAtprotoTempCheckSignupQueue } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

/** There is no queue: an account is there as soon as it is made. */
export function checkSignupQueue(router: Router): void {
  router.add(ComAtprotoTempCheckSignupQueue.main, () => ({ activated: true }))
}
