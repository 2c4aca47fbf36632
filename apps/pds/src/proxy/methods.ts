import type { Need } from '@avocet/oauth-scopes'

/**
 * Methods of one's own account: nobody else is asked to do them, nor gets a token for them. Names are compared without
 * regard to case, as some servers route them.
 */
const PROTECTED: ReadonlySet<string> = lowerCased([
  'com.atproto.admin.sendEmail',
  'com.atproto.identity.requestPlcOperationSignature',
  'com.atproto.identity.signPlcOperation',
  'com.atproto.identity.updateHandle',
  'com.atproto.server.activateAccount',
  'com.atproto.server.confirmEmail',
  'com.atproto.server.createAppPassword',
  'com.atproto.server.deactivateAccount',
  'com.atproto.server.getAccountInviteCodes',
  'com.atproto.server.getSession',
  'com.atproto.server.listAppPasswords',
  'com.atproto.server.requestAccountDelete',
  'com.atproto.server.requestEmailConfirmation',
  'com.atproto.server.requestEmailUpdate',
  'com.atproto.server.revokeAppPassword',
  'com.atproto.server.updateEmail',
])

/** Whether a method is never proxied. */
export function isProtected(nsid: string): boolean {
  return PROTECTED.has(nsid.toLowerCase())
}

/** Whether a method is about accounts themselves: no app gets it done elsewhere, whatever it was granted. */
export function isOfAccounts(nsid: string): boolean {
  const name = nsid.toLowerCase()
  return name.startsWith('com.atproto.server.') || name.startsWith('com.atproto.admin.')
}

/** What a call of a method needs to have been granted, at the service that answers it: `did#service`. */
export function proxyNeeds(nsid: string, aud: string): readonly Need[] {
  // The service asks a feed generator in the caller's name, with a token that this server makes for that.
  const methods = nsid === GET_FEED ? [nsid, GET_FEED_SKELETON] : [nsid]
  return methods.map((lxm) => ({ resource: 'rpc', lxm, aud }))
}

export const GET_FEED = 'app.bsky.feed.getFeed'
export const GET_FEED_SKELETON = 'app.bsky.feed.getFeedSkeleton'

/** Whether an app password needs to be a privileged one: direct messages, and making accounts elsewhere. */
export function isPrivileged(nsid: string): boolean {
  const name = nsid.toLowerCase()
  return name.startsWith('chat.bsky.') || name === 'com.atproto.server.createaccount'
}

function lowerCased(names: readonly string[]): Set<string> {
  return new Set(names.map((name) => name.toLowerCase()))
}
