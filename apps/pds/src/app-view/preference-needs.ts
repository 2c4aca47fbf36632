import type { OAuthNeeds } from '../auth/needs.ts'
import type { Targets } from '../proxy/targets.ts'

/** Preferences are those of an AppView: an app needs a scope for the method at that AppView, also where they are kept here. */
export function preferenceNeeds(targets: Targets): OAuthNeeds {
  return {
    call: ({ nsid, header }) => [
      { resource: 'rpc', lxm: nsid, aud: targets.audience(nsid, header('atproto-proxy')) },
    ],
  }
}
