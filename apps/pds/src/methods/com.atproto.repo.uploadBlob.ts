import { ComAtprotoRepoUploadBlob } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import type { Uploads } from '@avocet/repo-server'

import type { Authorizer } from '../accounts/authorizer.ts'
import type { ServiceCallers } from '../accounts/service-callers.ts'
import { createGate } from '../http/gates.ts'
import { UPLOAD_LIMIT, UPLOADS_AT_ONCE } from '../http/rate-limits.ts'

/** Takes in a blob of the caller, or of a service that the account has authorized for this (video processing). */
export function uploadBlob(
  router: Router,
  authorizer: Authorizer,
  services: ServiceCallers,
  uploads: Uploads,
  limit: number,
): void {
  const gate = createGate('uploads', UPLOADS_AT_ONCE)
  router.add(ComAtprotoRepoUploadBlob.main, {
    auth: (context) => services.accessOrService(context, authorizer, context.nsid),
    rateLimit: UPLOAD_LIMIT,
    limits: { blobBytes: limit, handlerMs: 0 },
    handler: async ({ input, encoding, auth, address }) => ({
      blob: await gate.run({ did: auth.did, address }, () => uploads.upload(auth.did, input, encoding)),
    }),
  })
}
