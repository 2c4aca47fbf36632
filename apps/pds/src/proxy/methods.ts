/** Methods of one's own account and server: nobody else is asked to do them, nor gets a token for them. */
const PROTECTED_PREFIXES = [
  'com.atproto.admin.',
  'com.atproto.server.',
  'com.atproto.sync.',
  'com.atproto.temp.',
]
const PROTECTED: ReadonlySet<string> = new Set([
  'com.atproto.identity.requestPlcOperationSignature',
  'com.atproto.identity.signPlcOperation',
  'com.atproto.identity.submitPlcOperation',
  'com.atproto.identity.updateHandle',
  'com.atproto.identity.getRecommendedDidCredentials',
  'com.atproto.repo.applyWrites',
  'com.atproto.repo.createRecord',
  'com.atproto.repo.deleteRecord',
  'com.atproto.repo.importRepo',
  'com.atproto.repo.putRecord',
  'com.atproto.repo.uploadBlob',
])

/** Whether a method is never proxied. */
export function isProtected(nsid: string): boolean {
  return PROTECTED.has(nsid) || PROTECTED_PREFIXES.some((prefix) => nsid.startsWith(prefix))
}

/** Whether an app password needs to be a privileged one: direct messages, and making accounts elsewhere. */
export function isPrivileged(nsid: string): boolean {
  return nsid.startsWith('chat.bsky.') || nsid === 'com.atproto.server.createAccount'
}
