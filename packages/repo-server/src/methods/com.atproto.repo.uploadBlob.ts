import { ComAtprotoRepoUploadBlob } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { createGate } from '../gates.ts'
import type { RepoHost } from '../host.ts'

/** Takes in a blob of the caller, or of a service that the account has authorized for this (video processing). */
export function uploadBlob(router: Router, { parts }: RepoHost): void {
  const { options, limits, uploads } = parts
  const gate = createGate('uploads', limits.uploads)
  const rule = options.rateLimits?.upload
  router.add(ComAtprotoRepoUploadBlob.main, {
    auth: (context) => options.access.authorize(context, { method: 'com.atproto.repo.uploadBlob' }),
    ...(rule === undefined ? {} : { rateLimit: rule }),
    limits: { blobBytes: limits.blobBytes, handlerMs: 0 },
    handler: async ({ input, encoding, auth, address }) => ({
      blob: await gate.run({ did: auth.did, address }, () => uploads.upload(auth.did, input, encoding)),
    }),
  })
}
