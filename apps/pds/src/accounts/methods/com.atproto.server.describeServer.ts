import { ComAtprotoServerDescribeServer } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { PdsConfig } from '../../config/config.ts'
import type { PublicAddress } from '../../identity/address.ts'

/** What a client needs to know before it makes an account here. */
export function describeServer(router: Router, config: PdsConfig, address: PublicAddress): void {
  const links = {
    ...(config.privacyPolicyUrl === null
      ? {}
      : { privacyPolicy: config.privacyPolicyUrl as `${string}:${string}` }),
    ...(config.termsOfServiceUrl === null
      ? {}
      : { termsOfService: config.termsOfServiceUrl as `${string}:${string}` }),
  }
  router.add(ComAtprotoServerDescribeServer.main, () => ({
    did: address.serviceDid(),
    availableUserDomains: [...config.handleDomains],
    inviteCodeRequired: config.inviteRequired,
    phoneVerificationRequired: false,
    links,
    contact: config.contactEmail === null ? {} : { email: config.contactEmail },
    // Not in the lexicon, which is open: what may be sent, so that a client can tell before it tries.
    blobUploadLimit: config.blobUploadLimit,
    limits: { blobBytes: config.blobUploadLimit, recordBytes: 1_000_000, writesPerCommit: 200 },
  }))
}
